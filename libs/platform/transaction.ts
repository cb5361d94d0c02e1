import type pg from 'pg';

/** What `work` does with its client happens together, or not at all where it throws. */
export async function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  // The pool listens only to clients that nobody has: a connection lost between two queries would end the process. The next query says so.
  const lost = () => undefined;
  client.on('error', lost);
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  } finally {
    client.release();
    client.off('error', lost);
  }
}
