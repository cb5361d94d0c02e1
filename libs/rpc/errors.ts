import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { z } from 'zod';
import { ERRORS, TesseraError, type ErrorBody, type ErrorCode } from '#contracts';

/** Where our own error travels beside gRPC's status. */
const BODY = 'tessera-error-bin';

const Body = z.object({
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
  param: z.string().optional(),
  retryAfter: z.number().optional(),
});

const BY_CODE: Partial<Record<ErrorCode, status>> = {
  unauthorized: status.UNAUTHENTICATED,
  conflict: status.ALREADY_EXISTS,
  cancelled: status.CANCELLED,
  overloaded: status.RESOURCE_EXHAUSTED,
  model_missing: status.FAILED_PRECONDITION,
  timeout: status.DEADLINE_EXCEEDED,
};

const BY_HTTP_STATUS: Record<number, status> = {
  400: status.INVALID_ARGUMENT,
  403: status.PERMISSION_DENIED,
  404: status.NOT_FOUND,
  413: status.INVALID_ARGUMENT,
  415: status.INVALID_ARGUMENT,
  422: status.INVALID_ARGUMENT,
  429: status.RESOURCE_EXHAUSTED,
  503: status.FAILED_PRECONDITION,
};

/** The gRPC status of an error, with the error itself as metadata: `fromStatus` gives it back unchanged. */
export function toStatus(thrown: unknown): Partial<ServiceError> {
  const error = TesseraError.from(thrown);
  const metadata = new Metadata();
  metadata.set(BODY, Buffer.from(JSON.stringify(error.toBody())));
  const code = BY_CODE[error.code] ?? BY_HTTP_STATUS[error.status] ?? status.INTERNAL;
  return { code, details: error.message, metadata };
}

function bodyOf(metadata: Metadata | undefined): ErrorBody | undefined {
  const [bytes] = metadata?.get(BODY) ?? [];
  if (!Buffer.isBuffer(bytes)) return undefined;
  const { data } = Body.safeParse(JSON.parse(bytes.toString('utf8')));
  return data;
}

/**
 * What a call failed with. Without an error of ours it is the connection's: `decoder_failed` and `timeout` are worth another try. Work is
 * cancelled by its caller alone, with `signal`: a decoder that cancels it is leaving, and another one can do it.
 */
export function fromStatus(thrown: unknown, target: string, signal?: AbortSignal): TesseraError {
  if (thrown instanceof TesseraError) return thrown;
  const error = thrown as ServiceError;
  const body = bodyOf(error.metadata);
  const cancelled = body ? body.code === 'cancelled' : error.code === status.CANCELLED;
  if (cancelled && signal?.aborted) return new TesseraError('cancelled', 'The work was cancelled.', { cause: error });
  if (body && !cancelled) return TesseraError.fromBody(body);
  if (error.code === status.DEADLINE_EXCEEDED)
    return new TesseraError('timeout', `${target} did not end in time.`, { cause: error });
  const why = (error.details ?? error.message).replace(/\.$/, '');
  return new TesseraError('decoder_failed', `${target} failed: ${why}.`, { cause: error });
}
