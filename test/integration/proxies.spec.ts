import { afterEach, expect, test } from 'vitest';
import { startApi, type TestApi } from '../support/api.js';

let api: TestApi;
afterEach(() => api.close());

const LIMIT = 2;

/** How many requests are let through, of four that differ in what they say of where they come from. */
async function admitted(forwarded: (n: number) => string, remoteAddress = '192.0.2.1'): Promise<number> {
  const statuses: number[] = [];
  for (let n = 1; n <= 2 * LIMIT; n++) {
    const headers = { 'x-forwarded-for': forwarded(n) };
    const { statusCode } = await api.app.inject({ method: 'POST', url: '/v1/questions', remoteAddress, headers });
    statuses.push(statusCode);
  }
  return statuses.filter((status) => status !== 429).length;
}

test.each([
  // One proxy: its word for who called it, and nothing that the caller wrote before.
  ['true', (n: number) => `203.0.113.${n}`, (n: number) => `203.0.113.${n}, 198.51.100.1`],
  ['2', (n: number) => `203.0.113.${n}, 192.0.2.2`, (n: number) => `203.0.113.${n}, 198.51.100.1, 192.0.2.2`],
  [
    '192.0.2.0/30',
    (n: number) => `203.0.113.${n}, 192.0.2.2`,
    (n: number) => `203.0.113.${n}, 198.51.100.1, 192.0.2.2`,
  ],
])('%s: clients are told apart by what proxies say, not by what they write', async (trusted, told, written) => {
  api = await startApi({ TESSERA_TRUST_PROXY: trusted, TESSERA_RATE_LIMIT: String(LIMIT) });
  expect(await admitted(told)).toBe(2 * LIMIT);
  expect(await admitted(written)).toBe(LIMIT);
});

test('nobody is believed without the setting, nor who is no proxy of a list', async () => {
  api = await startApi({ TESSERA_RATE_LIMIT: String(LIMIT) });
  expect(await admitted((n) => `203.0.113.${n}`)).toBe(LIMIT);
  await api.close();
  api = await startApi({ TESSERA_TRUST_PROXY: '192.0.2.0/30', TESSERA_RATE_LIMIT: String(LIMIT) });
  expect(await admitted((n) => `203.0.113.${n}`, '192.0.2.4')).toBe(LIMIT);
});
