import { join } from 'node:path';
import type { InstalledPack } from '#contracts';
import { Jobs } from '#jobs';
import type { Config } from '#platform';
import { installPack } from '#runtime';
import { Blobs, openDatabase, Records, type Database } from '#storage';
import { createHandlers } from './handlers.js';
import { Models } from './models/models.js';

/** Everything of one process that works: records, blobs, queue, and the models behind them. */
export interface Tessera {
  config: Config;
  database: Database;
  records: Records;
  blobs: Blobs;
  jobs: Jobs;
  pack: InstalledPack;
  models: Models;
  close(): Promise<void>;
}

export interface OpenOptions {
  /** A queue of this process alone, for one call of the command line. */
  private?: boolean;
  /** Models that will be needed: they load while the database and the queue start. */
  warm?: ('vision' | 'speech' | 'decoder')[];
}

/** Opens the whole service in this process: what it opens it closes, in the opposite order. */
export async function openTessera(config: Config, options: OpenOptions = {}): Promise<Tessera> {
  const { cacheDir, dataDir, hub } = config;
  const pack = await installPack(config.pack, { cacheDir, dataDir, hub });
  const models = new Models(pack, config);
  // A model that fails to load here fails the first job that needs it, with its own error.
  for (const name of options.warm ?? []) void models[name]().catch(() => undefined);
  const closers: (() => Promise<void>)[] = [() => models.dispose()];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const database = await openDatabase(config);
    closers.unshift(() => database.close());
    const blobs = await Blobs.open(join(config.dataDir, 'blobs'));
    const records = new Records(database.pool);
    const jobs = await Jobs.open({
      config,
      connection: database.connection,
      scope: options.private ? 'private' : 'shared',
    });
    closers.push(() => jobs.close());
    await jobs.host(createHandlers({ config, blobs, records, models }));
    return { config, database, records, blobs, jobs, pack, models, close };
  } catch (error) {
    await close();
    throw error;
  }
}
