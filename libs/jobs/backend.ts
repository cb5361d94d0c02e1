import {
  assertSchemaCompatibility,
  createPostgresBackend,
  createRedisBackend,
  runMigrations,
  SchemaMigrationRequiredError,
  type BackendFactory,
  type ConnectionOptions,
} from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { TesseraError } from '#contracts';
import { createLogger } from '#platform';
import type { Journal } from './journal/journal.js';
import { PostgresJournal } from './journal/postgres.js';
import { RedisJournal } from './journal/redis.js';

/** Where the queue is, and what BullMQ's classes need to get there. */
export interface Backend {
  connection: ConnectionOptions;
  factory: BackendFactory;
  journal: Journal;
  close(): Promise<void>;
}

/** BullMQ's own schema name; a pool that is handed over cannot choose another. */
const BULLMQ_SCHEMA = 'bullmq';
/** 'TESQ': no other program should take this lock. */
const MIGRATION_LOCK = 0x54455351;
/** Workers, the journal and the queries between them; every worker keeps one connection for LISTEN. */
const POOL_SIZE = 12;

const log = createLogger('queue');

/** Processes that start at the same time wait for one another: BullMQ's migrations do not. */
async function migrate(pool: pg.Pool): Promise<void> {
  const client = await pool.connect();
  const unlessCurrent = (otherwise: () => Promise<unknown>): Promise<unknown> =>
    assertSchemaCompatibility(client, BULLMQ_SCHEMA).catch(async (error: unknown) => {
      if (!(error instanceof SchemaMigrationRequiredError)) throw error;
      await otherwise();
    });
  try {
    await unlessCurrent(async () => {
      await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
      try {
        await unlessCurrent(() => runMigrations(client, BULLMQ_SCHEMA));
      } finally {
        await client.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK]);
      }
    });
  } finally {
    client.release();
  }
}

/** `connection`, with BullMQ's schema for its search path: in pg the options of a URL come before those that are given beside it. */
export function inSchema({ connectionString, ...connection }: pg.PoolConfig): pg.PoolConfig {
  const path = `-c search_path=${BULLMQ_SCHEMA}`;
  if (connectionString === undefined) return { ...connection, options: path };
  const url = new URL(connectionString);
  const given = url.searchParams.get('options');
  if (given === null) return { ...connection, connectionString, options: path };
  url.searchParams.delete('options');
  return { ...connection, connectionString: url.href, options: `${given} ${path}` };
}

export async function openPostgres(connection: pg.PoolConfig, scope: string, shared: boolean): Promise<Backend> {
  const pool = new pg.Pool({
    ...inSchema(connection),
    max: POOL_SIZE,
    keepAlive: true,
    application_name: 'tessera-queue',
  });
  // BullMQ adds listeners of its own for each queue and worker.
  pool.setMaxListeners(50);
  pool.on('error', (error) => log.warn({ error: error.message }, 'an idle connection was lost'));
  try {
    await migrate(pool);
    const journal = await PostgresJournal.open(pool, scope, shared);
    return {
      connection: pool as unknown as ConnectionOptions,
      factory: createPostgresBackend as unknown as BackendFactory,
      journal,
      close: async () => {
        await journal.close();
        await pool.end();
      },
    };
  } catch (error) {
    await pool.end();
    throw new TesseraError('configuration', `The queue cannot use the database: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

export async function openRedis(url: string, scope: string, keepSeconds: number): Promise<Backend> {
  const probe = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
  probe.on('error', () => undefined);
  try {
    await probe.connect();
    await probe.ping();
  } catch (error) {
    throw new TesseraError(
      'configuration',
      `Redis of TESSERA_QUEUE_URL cannot be reached: ${(error as Error).message}`,
      { cause: error },
    );
  } finally {
    probe.disconnect();
  }
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  connection.on('error', (error) => log.warn({ error: error.message }, 'the connection to Redis was lost'));
  const journal = await RedisJournal.open(url, scope, keepSeconds);
  return {
    connection: connection as unknown as ConnectionOptions,
    factory: createRedisBackend as BackendFactory,
    journal,
    close: async () => {
      await journal.close();
      connection.disconnect();
    },
  };
}
