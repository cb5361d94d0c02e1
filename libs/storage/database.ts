import pg from 'pg';
import { TesseraError } from '#contracts';
import { createLogger, type Config } from '#platform';
import { openEmbedded } from './embedded/server.js';
import { migrate } from './migrate.js';

/** An open PostgreSQL with our tables in it. */
export interface Database {
  pool: pg.Pool;
  /** How others (the queue) connect to the same database. */
  connection: pg.PoolConfig;
  embedded: boolean;
  close(): Promise<void>;
}

const log = createLogger('database');

/**
 * Opens TESSERA_DATABASE_URL, or the embedded server of the data folder (created and started when needed, shared with the other
 * processes that use this folder, stopped by the last of them), and brings the tables up to date.
 */
export async function openDatabase(config: Pick<Config, 'dataDir' | 'database'>): Promise<Database> {
  const server = config.database.url ? undefined : await openEmbedded(config.dataDir);
  const connection: pg.PoolConfig = server ? { ...server.connection } : { connectionString: config.database.url };
  const pool = new pg.Pool({ ...connection, max: 10, application_name: 'tessera' });
  pool.on('error', (error) => log.warn({ error: error.message }, 'an idle connection was lost'));
  const close = async () => {
    await pool.end();
    await server?.close();
  };
  try {
    await migrate(pool);
  } catch (error) {
    await close();
    if (server || error instanceof TesseraError) throw error;
    throw new TesseraError(
      'configuration',
      `The database of TESSERA_DATABASE_URL cannot be used: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
  return { pool, connection, embedded: server !== undefined, close };
}
