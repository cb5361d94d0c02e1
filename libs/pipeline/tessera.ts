import type { InstalledPack } from '#contracts';
import { Jobs } from '#jobs';
import { sweepTempFolders, type Config } from '#platform';
import { installPack, settleMalloc } from '#runtime';
import { openStore, type Store } from '#storage';
import { ReadAhead } from './answer/read-ahead.js';
import { createHandlers } from './handlers.js';
import { Models } from './models/models.js';

/** Everything of one process that works: records, blobs, queue, and the models behind them. */
export interface Tessera extends Store {
  config: Config;
  jobs: Jobs;
  pack: InstalledPack;
  models: Models;
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
  settleMalloc(config.runtime);
  if (!options.private) await sweepTempFolders();
  const pack = await installPack(config.pack, { cacheDir, dataDir, hub });
  const models = new Models(pack, config);
  // A model that fails to load here fails the first job that needs it, with its own error.
  for (const name of options.warm ?? []) void models[name]().catch(() => undefined);
  const closers: (() => Promise<void>)[] = [() => models.dispose()];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const store = await openStore(config);
    closers.unshift(() => store.close());
    const { database, records, blobs } = store;
    const jobs = await Jobs.open({
      config,
      connection: database.connection,
      scope: options.private ? 'private' : 'shared',
    });
    closers.push(() => jobs.close({ graceMs: config.http.drainSeconds * 1000 }));
    const stage = { config, blobs, records, models };
    const ahead = config.decoder.readAhead ? new ReadAhead(stage) : undefined;
    closers.push(async () => ahead?.close());
    await jobs.host(createHandlers(stage, ahead));
    return { config, database, records, blobs, jobs, pack, models, close };
  } catch (error) {
    await close();
    throw error;
  }
}
