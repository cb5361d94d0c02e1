import pg from 'pg';
import { expect, test } from 'vitest';
import { inSchema } from './backend.js';

/** What pg makes of it: the URL and what is beside it in one. */
function read(connection: pg.PoolConfig) {
  const { connectionParameters } = new pg.Client(inSchema(connection)) as unknown as {
    connectionParameters: Record<'host' | 'user' | 'password' | 'database' | 'options', string>;
  };
  const { host, user, password, database, options } = connectionParameters;
  return { host, user, password, database, options };
}

const of = (connectionString: string) => read({ connectionString });

test('BullMQ’s schema is the search path, whatever else a URL sets', () => {
  const url = 'postgresql://ada:p%40ss@db/tessera';
  const plain = { host: 'db', user: 'ada', password: 'p@ss', database: 'tessera' };
  expect(of(url)).toEqual({ ...plain, options: '-c search_path=bullmq' });
  expect(of(`${url}?options=-c%20statement_timeout%3D60000&sslmode=disable`)).toEqual({
    ...plain,
    options: '-c statement_timeout=60000 -c search_path=bullmq',
  });
  // The later one counts.
  expect(of(`${url}?options=endpoint%3Done+-c+search_path%3Dtheirs`).options).toBe(
    'endpoint=one -c search_path=theirs -c search_path=bullmq',
  );
  expect(of('postgres://ada@localhost/tessera?host=%2Frun%2Fpg&options=-c%20jit%3Doff')).toMatchObject({
    host: '/run/pg',
    options: '-c jit=off -c search_path=bullmq',
  });
  expect(read({ host: 'db', user: 'ada' }).options).toBe('-c search_path=bullmq');
});
