import { chmodSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Jobs, transcribeTree } from '#jobs';
import { loadConfig, type Config } from '#platform';
import { openStore, type Store } from '#storage';
import { mediaFolder, say, sox } from '../support/media.js';
import { runScript, type Script } from '../support/script.js';

const WORKER = new URL('../support/scripts/hear-jobs.ts', import.meta.url);
const NUMBERS =
  'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen'.split(' ');
const KILLED_AFTER = 5;

const media = mediaFolder('resume');
const data = mediaFolder('resume-data');
let config: Config;
let store: Store;
let env: Record<string, string>;

beforeAll(async () => {
  const folder = data.file('.');
  chmodSync(folder, 0o711);
  env = { HOME: folder, TESSERA_DATA_DIR: folder, TESSERA_THREADS: '1' };
  config = loadConfig(env);
  store = await openStore(config);
  const parts = NUMBERS.map((number) => {
    const file = media.file(`${number}.wav`);
    say(`This is the sentence with the number ${number}, and the next one follows soon.`, file, '-v', 'en-us');
    return file;
  });
  // Two seconds between the sentences make each a stretch of its own.
  sox('-n', '-r', '22050', '-c', '1', media.file('gap.wav'), 'trim', '0', '2');
  sox(...parts.flatMap((part) => [part, media.file('gap.wav')]), media.file('all.wav'));
});
afterAll(async () => {
  await store.close();
  media.dispose();
  data.dispose();
});

/** Lines "kept KEY" of a worker, as they come. */
async function* kept(worker: Script): AsyncGenerator<string> {
  for (;;) {
    const line = await worker.line();
    if (line.startsWith('kept ')) yield line.slice(5);
  }
}

test('a worker that is killed in the middle is followed by one that goes on behind the last finished stretch', async () => {
  const jobs = await Jobs.open({ config, connection: store.database.connection });
  const path = media.file('all.wav');
  const id = await jobs.submit(transcribeTree({ type: 'file', path, name: 'all.wav' }));

  const first = runScript(WORKER, [], env);
  const before = new Set<string>();
  for await (const key of kept(first)) if (before.add(key).size === KILLED_AFTER) break;
  first.child.kill('SIGKILL');
  await first.ended;

  const second = runScript(WORKER, [], env);
  const after: string[] = [];
  const reading = (async () => {
    for await (const key of kept(second)) after.push(key);
  })().catch(() => undefined);
  const { transcript } = await jobs.result<'media.hear'>(id);
  second.child.stdin?.write('end\n');
  expect(await second.ended).toBe(0);
  await reading;

  // Nothing that was done is done again. What was done in the last moment before the kill may not have been told.
  expect(after.filter((key) => before.has(key))).toEqual([]);
  expect(after.length).toBeGreaterThan(0);
  expect(before.size + after.length).toBeLessThanOrEqual(NUMBERS.length);
  expect(before.size + after.length).toBeGreaterThanOrEqual(NUMBERS.length - 4);
  expect(transcript.segments).toHaveLength(NUMBERS.length);
  transcript.segments.reduce((end, segment) => {
    expect(segment.start).toBeGreaterThanOrEqual(end);
    return segment.end;
  }, 0);

  const { rows } = await store.database.pool.query(`select key from tessera.artifact where value ? 'tokens'`);
  expect(rows).toEqual([]);
  await jobs.close();
}, 180_000);
