import { TesseraError } from '#contracts';

/** Of sockets and of the name service; and SQLSTATEs: class 08 is the connection, 57P01 to 57P03 a server that ends or begins. */
const CODES =
  /^(ECONN(REFUSED|RESET|ABORTED)|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|57P0[123]|08\w{3})$/;
/** What pg and ioredis say without a code. */
const WORDS =
  /^(Connection terminated|Connection is closed|Client has encountered a connection error|timeout exceeded when trying to connect|Command timed out|Reached the max retries per request)/;

/** Whether a job failed because the database, the bucket or Redis cannot be reached. What handlers have put into words of their own is no outage. */
export function isOutage(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  if (thrown instanceof TesseraError) return thrown.code === 'internal' && isOutage(thrown.cause);
  const { code, message, $metadata } = thrown as Error & { code?: unknown; $metadata?: { httpStatusCode?: number } };
  return CODES.test(String(code)) || WORDS.test(message) || ($metadata?.httpStatusCode ?? 0) >= 500;
}
