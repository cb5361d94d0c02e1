import type pg from 'pg';
import { inTransaction } from '#platform';
import { MIGRATIONS } from './migrations.js';

/** 'TESS': no other program should take this lock. */
const MIGRATION_LOCK = 0x54455353;

async function appliedVersion(client: pg.ClientBase | pg.Pool): Promise<number> {
  const { rows } = await client.query<{ at: string | null }>(`select to_regclass('tessera.migration') as at`);
  if (!rows[0]?.at) return 0;
  const { rows: versions } = await client.query<{ version: number | null }>(
    'select max(version) as version from tessera.migration',
  );
  return versions[0]?.version ?? 0;
}

/**
 * Brings our tables to the newest version. All pending migrations commit together or not at all; processes that start at the same
 * time wait for one another. Migrations are only ever added at the end.
 */
export async function migrate(pool: pg.Pool): Promise<void> {
  if ((await appliedVersion(pool)) >= MIGRATIONS.length) return;
  await inTransaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    await client.query('create schema if not exists tessera');
    await client.query(
      'create table if not exists tessera.migration (version int primary key, applied_at timestamptz not null default now())',
    );
    const from = await appliedVersion(client);
    for (const [index, sql] of MIGRATIONS.entries()) {
      if (index < from) continue;
      await client.query(sql);
      await client.query('insert into tessera.migration (version) values ($1)', [index + 1]);
    }
  });
}
