import type { Config } from '#platform';
import type { Blobs } from './blobs/blobs.js';
import { openBlobs } from './blobs/open.js';
import { openDatabase, type Database } from './database.js';
import { Records } from './records/records.js';

/** What all processes of a service share, besides the queue. */
export interface Store {
  database: Database;
  records: Records;
  blobs: Blobs;
  close(): Promise<void>;
}

/** Opens database and blobs. Throws `configuration`. */
export async function openStore(config: Pick<Config, 'dataDir' | 'database' | 'blobs'>): Promise<Store> {
  const database = await openDatabase(config);
  try {
    const blobs = await openBlobs(config);
    const close = async (): Promise<void> => {
      await blobs.close();
      await database.close();
    };
    return { database, records: new Records(database.pool), blobs, close };
  } catch (error) {
    await database.close();
    throw error;
  }
}
