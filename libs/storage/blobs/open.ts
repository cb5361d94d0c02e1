import { join } from 'node:path';
import type { Config } from '#platform';
import type { Blobs } from './blobs.js';
import { FolderBlobs } from './folder.js';

/** The bucket of TESSERA_BLOBS_URL, or the folder `blobs` of the data folder. Throws `configuration`. */
export async function openBlobs({ blobs, dataDir }: Pick<Config, 'blobs' | 'dataDir'>): Promise<Blobs> {
  if (!blobs.url) return FolderBlobs.open(join(dataDir, 'blobs'));
  // The client of S3 is loaded where it is used.
  const { S3Blobs } = await import('./s3.js');
  return S3Blobs.open(blobs.url, { folder: join(dataDir, 'copies'), maxBytes: blobs.cacheBytes });
}
