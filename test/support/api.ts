import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Transcript, TranscriptFormat } from '#contracts';
import { Jobs, type Handlers } from '#jobs';
import { loadConfig, type Config } from '#platform';
import { FolderBlobs, openDatabase, Records, type Database } from '#storage';
import { createApi, type ApiParts } from '../../apps/api/index.js';
import { testHandlers } from './handlers.js';

export interface TestApi {
  url: string;
  app: NestFastifyApplication;
  config: Config;
  database: Database;
  records: Records;
  blobs: FolderBlobs;
  jobs: Jobs;
  seen: { aborted: string[]; started: string[] };
  /** The data folder. */
  folder: string;
  close(): Promise<void>;
}

/** Stands in for the pipeline's formats, which have tests of their own. */
function standIn(transcript: Transcript, format: TranscriptFormat): string {
  if (format === 'json') return JSON.stringify({ text: transcript.text });
  if (format === 'verbose_json') return JSON.stringify({ task: 'transcribe', ...transcript });
  return format === 'text' ? `${transcript.text}\n` : `${format}: ${transcript.text}`;
}

export type HandlerParts = Pick<TestApi, 'config' | 'records' | 'blobs'>;

/**
 * The edge on a free port, with a real database and queue, and handlers that read no media, or those of `handlers` in their place.
 * `format` may be the real formats.
 */
export async function startApi(
  env: Record<string, string> = {},
  handlers: (parts: HandlerParts) => Partial<Handlers> = () => ({}),
  format: ApiParts['formatTranscript'] = standIn,
): Promise<TestApi> {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-api-'));
  chmodSync(folder, 0o711);
  const config = loadConfig({ HOME: folder, TESSERA_DATA_DIR: folder, TESSERA_PORT: '0', ...env });
  const database = await openDatabase(config);
  const records = new Records(database.pool);
  const blobs = await FolderBlobs.open(join(folder, 'blobs'));
  const jobs = await Jobs.open({ config, connection: database.connection });
  const seen = { aborted: [] as string[], started: [] as string[] };
  jobs.host({ ...testHandlers(seen), ...handlers({ config, records, blobs }) });
  const app = await createApi({ config, jobs, records, blobs, formatTranscript: format });
  await app.listen(0, '127.0.0.1');
  const close = async () => {
    await app.close();
    await jobs.close({ graceMs: 100 });
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { url: await app.getUrl(), app, config, database, records, blobs, jobs, seen, folder, close };
}

/** A form with files by field name. */
export function form(
  fields: Record<string, string>,
  files: [field: string, name: string, bytes: string | Uint8Array<ArrayBuffer>][] = [],
): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  for (const [field, name, bytes] of files) data.append(field, new Blob([bytes]), name);
  return data;
}

/** The events of a server-sent stream. */
export async function readEvents(response: Response): Promise<{ id?: string; event?: string; data: string }[]> {
  const text = await response.text();
  return text
    .split('\n\n')
    .filter((block) => block.trim() !== '' && !block.startsWith(':'))
    .map((block) => {
      const field = (name: string) => block.match(new RegExp(`^${name}: (.*)$`, 'm'))?.[1];
      return { id: field('id'), event: field('event'), data: field('data') ?? '' };
    });
}

export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg==',
  'base64',
);
