import { createServer, type AddressInfo } from 'node:net';
import pg from 'pg';
import { expect, test } from 'vitest';
import { TesseraError } from '#contracts';
import { isOutage } from './outage.js';

const coded = (code: string) => Object.assign(new Error('x'), { code });

test('connections that are refused, lost or not made are an outage', () => {
  for (const code of ['ECONNREFUSED', 'ECONNRESET', '57P01', '57P03', '08006'])
    expect(isOutage(coded(code))).toBe(true);
  expect(isOutage(new Error('Connection terminated unexpectedly'))).toBe(true);
  expect(isOutage(Object.assign(new Error('x'), { $metadata: { httpStatusCode: 503 } }))).toBe(true);
  expect(isOutage(TesseraError.from(coded('57P01')))).toBe(true);
});

test('everything else is the job’s own failure', () => {
  for (const code of ['23505', '57014', 'ENOENT', '0800']) expect(isOutage(coded(code))).toBe(false);
  expect(isOutage(Object.assign(new Error('x'), { $metadata: { httpStatusCode: 403 } }))).toBe(false);
  // A user's link, not a store.
  expect(isOutage(new TesseraError('url_unreachable', 'x', { cause: coded('ECONNREFUSED') }))).toBe(false);
  expect(isOutage('Connection terminated')).toBe(false);
});

test('so are pg’s own errors for a server that hangs up, and for one that is not there', async () => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const pool = new pg.Pool({ host: '127.0.0.1', port });
  const ask = () => pool.query('select 1').catch((error: unknown) => error);
  expect(isOutage(await ask())).toBe(true);
  await new Promise((closed) => server.close(closed));
  expect(isOutage(await ask())).toBe(true);
  await pool.end();
});
