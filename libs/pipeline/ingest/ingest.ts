import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TesseraError, type JobPayload, type MediaSource, type Medium } from '#contracts';
import type { JobContext } from '#jobs';
import { probe } from '#media';
import { makeTempFolder, safeFetch } from '#platform';
import { mediumKey } from '../artifact.js';
import type { Stage } from '../context.js';

/**
 * Probes a file, refuses what is over a limit, and keeps its bytes under their hash.
 * Nothing is decoded here; nothing but the header is read before the limits hold.
 */
export async function ingest(
  stage: Stage,
  { source }: JobPayload<'media.ingest'>,
  context: JobContext,
): Promise<Medium> {
  context.emit({ type: 'progress', stage: 'ingest', percent: 0 });
  if (source.type === 'url') return ingestUrl(stage, source, context.signal);
  if (source.type === 'file') return keep(stage, source.path, source, context.signal);
  await using file = await stage.blobs.local(source.blob, context.signal);
  return await keep(stage, file.path, source, context.signal);
}

async function keep(
  { blobs, records, config }: Stage,
  path: string,
  source: MediaSource,
  signal: AbortSignal,
): Promise<Medium> {
  const facts = await probe(path, { name: source.name, limits: config.limits, signal });
  const id = source.type === 'blob' ? source.blob : (await blobs.put(createReadStream(path), { signal })).id;
  const medium: Medium = { id, name: source.name, ...facts };
  await records.putArtifact(mediumKey(id), medium);
  return medium;
}

async function ingestUrl(
  stage: Stage,
  source: Extract<MediaSource, { type: 'url' }>,
  signal: AbortSignal,
): Promise<Medium> {
  const { config } = stage;
  const folder = await makeTempFolder('fetch');
  try {
    const path = join(folder, 'body');
    await safeFetch(source.url, { ...config.urls, maxBytes: config.limits.maxFileBytes, toFile: path, signal });
    return await keep(stage, path, { ...source, name: withoutCredentials(source.url) }, signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function withoutCredentials(text: string): string {
  if (!URL.canParse(text)) throw new TesseraError('url_not_allowed', 'The URL cannot be read.');
  const url = new URL(text);
  url.username = '';
  url.password = '';
  return url.href;
}
