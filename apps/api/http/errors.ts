import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TesseraError, type ErrorCode } from '#contracts';
import { createLogger } from '#platform';

/** OpenAI's names for kinds of errors, by status. */
const TYPES: Record<number, string> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  499: 'request_cancelled',
};

/** What Nest and Fastify throw by themselves, as codes of ours. */
const BY_STATUS: Record<number, ErrorCode> = {
  400: 'invalid_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'not_found',
  413: 'file_too_large',
  415: 'unsupported_media',
  429: 'rate_limited',
};

/** Seconds after which it makes sense to try again, when the error does not say. */
const RETRY_AFTER: Partial<Record<ErrorCode, number>> = { rate_limited: 5, overloaded: 5, model_missing: 30 };

const log = createLogger('http');

export interface ErrorEnvelope {
  error: { message: string; type: string; code: string; param: string | null };
}

/** Statuses that the code table does not tell apart: a full queue is the service's fault, not the client's. */
const statusOf = (error: TesseraError) => (error.code === 'overloaded' ? 503 : error.status);

export function toEnvelope(error: TesseraError): { status: number; body: ErrorEnvelope } {
  const status = statusOf(error);
  const type = TYPES[status] ?? (status >= 500 ? 'server_error' : 'invalid_request_error');
  return { status, body: { error: { message: error.message, type, code: error.code, param: error.param ?? null } } };
}

/** Fastify knows no more than that it cannot read a body of this type. */
const NO_SUCH_BODY =
  'A body of this content type is not read. Send JSON (application/json), or files as fields of a form (multipart/form-data; curl: -F file=@NAME).';

/** Any thrown thing as an error of ours; what nobody foresaw is logged and shows nothing of its inside. */
export function toTesseraError(thrown: unknown): TesseraError {
  if (thrown instanceof TesseraError) return thrown;
  const status =
    thrown instanceof HttpException ? thrown.getStatus() : (thrown as { statusCode?: number } | null)?.statusCode;
  const code = status === undefined ? undefined : BY_STATUS[status];
  if (status === 415) return new TesseraError('unsupported_media', NO_SUCH_BODY);
  if (code) return new TesseraError(code, (thrown as Error).message);
  if (status !== undefined && status >= 400 && status < 500)
    return new TesseraError('invalid_request', (thrown as Error).message);
  return TesseraError.from(thrown);
}

const LINGER_MS = 5_000;

/**
 * An answer before the body has come in full. What is still on its way is thrown away for a moment, so that the client gets to
 * read the answer; then the connection goes, which no other request may use.
 */
function refuseRest(request: FastifyRequest, reply: FastifyReply): void {
  reply.header('connection', 'close');
  const { raw } = request;
  raw.unpipe();
  raw.resume();
  const timer = setTimeout(() => raw.destroy(), LINGER_MS).unref();
  raw.once('close', () => clearTimeout(timer));
}

@Catch()
export class ErrorFilter implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const request = http.getRequest<FastifyRequest>();
    const error = toTesseraError(thrown);
    const { status, body } = toEnvelope(error);
    // The path only: signed links have their signature in the query.
    if (status >= 500)
      log.error({ request: request.id, path: request.url.split('?')[0], err: error.cause ?? error }, error.message);
    // The client has gone, or a stream has begun: there is nobody to tell.
    if (reply.sent || reply.raw.headersSent || reply.raw.destroyed) return;
    const retryAfter = error.retryAfter ?? RETRY_AFTER[error.code];
    if (retryAfter !== undefined && !reply.hasHeader('retry-after')) reply.header('retry-after', retryAfter);
    if (!request.raw.complete) refuseRest(request, reply);
    // 499 is nginx's, not HTTP's; a client that still listens gets one that clients know.
    reply.status(status === 499 ? 409 : status).send(body);
  }
}
