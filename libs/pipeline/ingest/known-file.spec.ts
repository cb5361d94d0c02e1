import { mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Stage } from '../context.js';
import { addressOf, knownFacts, rememberAddress, rememberFacts, stampOf } from './known-file.js';

const ID = 'a'.repeat(64);
const FILM = { kind: 'video' as const, mimeType: 'video/mp4', bytes: 2000, duration: 60, tracks: [] };

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'tessera-known-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** As far as `known-file` knows a stage. */
function stage(limits: Partial<Stage['config']['limits']> = {}, kept = [ID]): Stage {
  const artifacts = new Map<string, unknown>();
  return {
    config: { limits },
    blobs: { has: (id: string) => Promise.resolve(kept.includes(id)) },
    records: {
      getArtifact: (key: string) => Promise.resolve(artifacts.get(key)),
      putArtifact: (key: string, value: unknown) => Promise.resolve(void artifacts.set(key, value)),
    },
  } as unknown as Stage;
}

/** A file that was last changed an hour ago, as far as a program can say so: the time of the change itself stays. */
async function oldFile(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  await utimes(path, new Date(Date.now() - 3_600_000), new Date(Date.now() - 3_600_000));
  return path;
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2200));

it('knows a file by its place and times, once they have settled', async () => {
  const path = await oldFile('talk.mp4', 'one');
  expect(await stampOf(path)).toBeUndefined();
  expect(await stampOf(join(folder, 'absent.mp4'))).toBeUndefined();
  expect(await stampOf(folder)).toBeUndefined();
  await settled();
  const stamp = await stampOf(path);
  expect(stamp).toMatch(/^[0-9a-f]{64}$/);
  expect(await stampOf(path)).toBe(stamp);

  // Other bytes of the same length under the same time of writing: only the time of the change tells.
  await oldFile('other.mp4', 'two');
  await rename(join(folder, 'other.mp4'), path);
  expect(await stampOf(path)).toBeUndefined();
  await settled();
  expect(await stampOf(path)).not.toBe(stamp);
});

it('forgets the address of bytes that are gone', async () => {
  const here = stage();
  await rememberAddress(here, 'stamp', ID);
  expect(await addressOf(here, 'stamp')).toBe(ID);
  expect(await addressOf(here, 'another')).toBeUndefined();
  const gone = stage({}, []);
  await rememberAddress(gone, 'stamp', ID);
  expect(await addressOf(gone, 'stamp')).toBeUndefined();
});

it('holds what was found against the limits of today', async () => {
  const here = stage({ maxDurationSeconds: 3600 });
  await rememberFacts(here, ID, 'talk.mp4', FILM);
  expect(await knownFacts(here, ID, 'again.MP4')).toEqual(FILM);
  // Text is read as its name says, so another kind of name is another question.
  expect(await knownFacts(here, ID, 'talk.txt')).toBeUndefined();
  const strict = stage({ maxDurationSeconds: 30 });
  await rememberFacts(strict, ID, 'talk.mp4', FILM);
  await expect(knownFacts(strict, ID, 'talk.mp4')).rejects.toMatchObject({ code: 'media_too_long' });
  const small = stage({ maxFileBytes: 1000 });
  await rememberFacts(small, ID, 'talk.mp4', FILM);
  await expect(knownFacts(small, ID, 'talk.mp4')).rejects.toMatchObject({ code: 'file_too_large' });
});
