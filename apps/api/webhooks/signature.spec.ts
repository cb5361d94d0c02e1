import { expect, test } from 'vitest';
import { signedHeaders } from './signature.js';

const OLD = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const NEW = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';

test('the published vector of Standard Webhooks, which OpenSSL agrees with', () => {
  const message = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1614265330, body: '{"test": 2432232314}' };
  expect(signedHeaders(message, [OLD])).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

test('bytes are signed, not characters; each secret gives a signature', () => {
  const body = JSON.stringify({ type: 'job.completed', data: { name: 'Größe 🎬' } });
  const { 'webhook-signature': both } = signedHeaders({ id: 'msg_1', timestamp: 1700000000, body }, [NEW, OLD]);
  expect(both?.split(' ')).toHaveLength(2);
  expect(both?.split(' ')[0]).toBe('v1,i/Dvg37Bv8zUmjpvkEp6e746ftKHqwWXGgWklCJFEAs=');
  const changed = { id: 'msg_1', timestamp: 1700000001, body };
  expect(signedHeaders(changed, [NEW])['webhook-signature']).not.toBe(both?.split(' ')[0]);
});
