import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TesseraError, type JobPayload, type MediaSource, type Medium } from '#contracts';
import type { JobContext } from '#jobs';
import { probe, promisedKind } from '#media';
import { makeTempFolder, safeFetch } from '#platform';
import { mediumKey } from '../artifact.js';
import type { Stage } from '../context.js';
import { putDerived } from '../derived.js';
import { addressOf, knownFacts, rememberAddress, rememberFacts, stampOf } from './known-file.js';
import { SameWork } from './same-work.js';

/** Files and URLs that are being read: a film is wanted by who looks and by who listens, both at once. */
const reading = new WeakMap<Stage, SameWork<Medium>>();

function readingOf(stage: Stage): SameWork<Medium> {
  const known = reading.get(stage) ?? new SameWork();
  reading.set(stage, known);
  return known;
}

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
  if (source.type === 'url')
    return readingOf(stage).once(`url ${source.url}`, context.signal, () => ingestUrl(stage, source, context.signal));
  if (source.type === 'file') return ingestFile(stage, source, context.signal);
  const facts = await knownFacts(stage, source.blob, source.name);
  if (facts && (await stage.blobs.has(source.blob)))
    return recorded(stage, { id: source.blob, name: source.name, ...facts });
  await using file = await stage.blobs.local(source.blob, context.signal);
  return await keep(stage, file.path, source, context.signal);
}

/** A file that was read before and has not changed since is neither read nor probed again, however long it is. */
async function ingestFile(
  stage: Stage,
  source: Extract<MediaSource, { type: 'file' }>,
  signal: AbortSignal,
): Promise<Medium> {
  const stamp = await stampOf(source.path);
  const id = stamp && (await addressOf(stage, stamp));
  const facts = id && (await knownFacts(stage, id, source.name));
  if (id && facts) return recorded(stage, { id, name: source.name, ...facts });
  if (!stamp) return keep(stage, source.path, source, signal);
  return readingOf(stage).once(`file ${stamp} ${source.name}`, signal, async () => {
    const medium = await keep(stage, source.path, source, signal);
    // What was written to while it was read has another stamp now.
    if (stamp === (await stampOf(source.path))) await rememberAddress(stage, stamp, medium.id);
    return medium;
  });
}

async function keep(stage: Stage, path: string, source: MediaSource, signal: AbortSignal): Promise<Medium> {
  const { config, models } = stage;
  // What is named like a recording will be heard next: the models load while it is looked into. One that fails tells the job that needs it.
  if (promisedKind(source.name) === 'audio') models.speech().catch(() => undefined);
  const facts = await probe(path, { name: source.name, limits: config.limits, signal });
  const id = source.type === 'blob' ? source.blob : (await putDerived(stage, createReadStream(path), { signal })).id;
  // Nobody has what was fetched, and nobody could delete it: it stays as long as media that come with a request.
  if (source.type === 'url') await stage.records.unnamed.withdraw(id, config.queue.mediaSeconds);
  await rememberFacts(stage, id, source.name, facts);
  const medium = await recorded(stage, { id, name: source.name, ...facts });
  if (source.type === 'file') await stage.records.unnamed.named(id);
  return medium;
}

async function recorded({ records }: Stage, medium: Medium): Promise<Medium> {
  await records.putArtifact(mediumKey(medium.id), medium);
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
