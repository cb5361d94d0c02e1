import { createHmac } from 'node:crypto';

/** The parts of a message that are signed: what the receiver gets, byte for byte. */
export interface Signed {
  /** `webhook-id` */
  id: string;
  /** `webhook-timestamp`: Unix time in seconds of this attempt. */
  timestamp: number;
  body: string;
}

/**
 * The headers of a message after the Standard Webhooks specification
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md): HMAC-SHA256 of
 * `id.timestamp.body` under each secret (`whsec_` and the base64 of its bytes), so that a receiver may hold the old or the new one
 * while they are changed.
 */
export function signedHeaders({ id, timestamp, body }: Signed, secrets: readonly string[]): Record<string, string> {
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  };
}
