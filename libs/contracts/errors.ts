/** How a failure is answered: the HTTP status, and whether trying again can help. */
interface ErrorKind {
  status: number;
  transient?: boolean;
}

/** Every error that a user can meet, by its stable code. */
export const ERRORS = {
  invalid_request: { status: 400 },
  unauthorized: { status: 401 },
  forbidden: { status: 403 },
  not_found: { status: 404 },
  file_not_found: { status: 404 },
  job_not_found: { status: 404 },
  media_not_found: { status: 404 },
  conflict: { status: 409 },
  file_too_large: { status: 413 },
  too_many_pixels: { status: 413 },
  media_too_long: { status: 413 },
  context_too_long: { status: 413 },
  empty_file: { status: 422 },
  unsupported_media: { status: 415 },
  corrupt_media: { status: 422 },
  encrypted_media: { status: 422 },
  not_an_image: { status: 422 },
  no_audio_track: { status: 422 },
  no_audio_samples: { status: 422 },
  url_not_allowed: { status: 422 },
  url_unreachable: { status: 422, transient: true },
  schema_not_supported: { status: 422 },
  rate_limited: { status: 429, transient: true },
  overloaded: { status: 429, transient: true },
  cancelled: { status: 499 },
  model_not_found: { status: 404 },
  model_missing: { status: 503 },
  model_hash_mismatch: { status: 503 },
  model_invalid: { status: 503 },
  model_failed: { status: 500, transient: true },
  model_source_unreachable: { status: 503, transient: true },
  tool_missing: { status: 503 },
  configuration: { status: 500 },
  timeout: { status: 504, transient: true },
  decoder_failed: { status: 500, transient: true },
  internal: { status: 500, transient: true },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorBody {
  code: ErrorCode;
  message: string;
  /** The request field or file the error is about. */
  param?: string;
  /** Seconds after which trying again may help. */
  retryAfter?: number;
}

/**
 * The one error class that crosses module, process and queue boundaries.
 * The message is for people: what was wrong, where, and what to do. It never holds secrets or stack traces.
 */
export class TesseraError extends Error {
  override readonly name = 'TesseraError';
  readonly param: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: { param?: string; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.param = options.param;
    this.retryAfter = options.retryAfter;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  /** True when the same request may succeed later; such jobs are retried with back-off. */
  get transient(): boolean {
    return (ERRORS[this.code] as ErrorKind).transient ?? false;
  }

  toBody(): ErrorBody {
    return {
      code: this.code,
      message: this.message,
      ...(this.param === undefined ? {} : { param: this.param }),
      ...(this.retryAfter === undefined ? {} : { retryAfter: this.retryAfter }),
    };
  }

  static from(error: unknown): TesseraError {
    if (error instanceof TesseraError) return error;
    if (error instanceof Error && error.name === 'AbortError')
      return new TesseraError('cancelled', 'The work was cancelled.', { cause: error });
    return new TesseraError('internal', 'Something went wrong inside Tessera; the log has the details.', {
      cause: error,
    });
  }

  static fromBody(body: ErrorBody): TesseraError {
    return new TesseraError(body.code, body.message, { param: body.param, retryAfter: body.retryAfter });
  }
}
