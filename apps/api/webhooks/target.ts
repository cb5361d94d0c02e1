import type { FastifyRequest } from 'fastify';
import { TesseraError } from '#contracts';
import { checkUrl, type Config } from '#platform';

/** The request header that names who is told of the job's end. */
export const WEBHOOK_HEADER = 'webhook-url';

const wrong = (message: string) =>
  new TesseraError('invalid_request', `${WEBHOOK_HEADER}: ${message}`, { param: WEBHOOK_HEADER });

export const noSecret = () => wrong('this service sends no webhooks: TESSERA_WEBHOOK_SECRET is not set');

/**
 * The receiver that a request names, judged like every URL that somebody else chose; DNS is asked when it is called. Undefined
 * when it names none. Throws `invalid_request` or `url_not_allowed`.
 */
export function targetOf(request: FastifyRequest, config: Pick<Config, 'urls' | 'webhooks'>): string | undefined {
  const header = request.headers[WEBHOOK_HEADER];
  if (header === undefined || header === '') return undefined;
  if (typeof header !== 'string') throw wrong('give one URL');
  if (config.webhooks.secrets.length === 0) throw noSecret();
  try {
    return checkUrl(header, config.urls).href;
  } catch (error) {
    const { code, message } = TesseraError.from(error);
    throw new TesseraError(code, message, { param: WEBHOOK_HEADER });
  }
}

/** Where the job of a request is read, by the name under which its client reached the service. */
export const jobUrlOf = (request: FastifyRequest, id: string) => `${request.protocol}://${request.host}/v1/jobs/${id}`;
