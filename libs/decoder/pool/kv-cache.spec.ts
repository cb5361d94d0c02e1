import { mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KvCache, type KvCacheOptions } from './kv-cache.js';
import { type PageRun } from './page-pool.js';
import { spillFileBytes } from './spill-file.js';

const shape = { layers: 2, kvHeads: 2, headDim: 4 };
const TOKENS = 20;
let dir: string;
let warnings: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tessera-kv-'));
  warnings = [];
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const open = (options: Partial<KvCacheOptions> = {}) =>
  KvCache.open({ shape, memoryBytes: 1 << 16, diskBytes: 1 << 20, dir, warn: (w) => warnings.push(w), ...options });

const rowsOf = (address: string) =>
  Float32Array.from({ length: shape.kvHeads * TOKENS * shape.headDim }, (_, i) => Math.sin(i + address.charCodeAt(0)));

/** Acquires a run, fills it from disk or by "prefill", and reads it. */
async function use(
  cache: KvCache,
  address: string,
): Promise<{ from: 'memory' | 'disk' | 'prefill'; keys: Float32Array }> {
  const { runs, missing } = cache.acquire([{ address, tokens: TOKENS }]);
  let from: 'memory' | 'disk' | 'prefill' = 'memory';
  for (const run of missing) {
    from = (await cache.restore(run)) ? 'disk' : 'prefill';
    if (from === 'prefill') prefill(cache, run);
  }
  const keys = new Float32Array(TOKENS * shape.headDim);
  const values = new Float32Array(TOKENS * shape.headDim);
  const pages = runs[0]!.pages;
  expect(cache.store.gather({ layer: 1, head: 1, pages, keys, keysAt: 0, values, valuesAt: 0 })).toBe(TOKENS);
  expect(keys.every((x, i) => Math.abs(x - rowsOf(address)[TOKENS * shape.headDim + i]!) < 0.01)).toBe(true);
  cache.release(runs);
  cache.pool.check();
  return { from, keys };
}

function prefill(cache: KvCache, run: PageRun, keep?: boolean): void {
  for (let layer = 0; layer < shape.layers; layer++)
    cache.store.writeLayer(run, layer, rowsOf(run.address), rowsOf(run.address));
  cache.commit(run, keep);
}

describe('KvCache', () => {
  it('answers from memory, and after a restart from disk with the same numbers', async () => {
    const cache = await open();
    const first = await use(cache, 'a');
    expect([first.from, (await use(cache, 'a')).from]).toEqual(['prefill', 'memory']);
    await cache.flush();
    expect(cache.pool.stats().pinnedPages).toBe(0);

    const later = await open();
    expect(later.estimate([{ address: 'a', tokens: TOKENS }])).toMatchObject({ cachedTokens: 0, diskTokens: TOKENS });
    const again = await use(later, 'a');
    expect(again.from).toBe('disk');
    expect(again.keys).toEqual(first.keys);
    expect(warnings).toEqual([]);
  });

  it('keeps off the disk what is of no use later, and what a bound leaves out', async () => {
    const cache = await open();
    const demands = ['a', 'b', 'a', 'c'].map((address) => ({ address, tokens: TOKENS }));
    const file = spillFileBytes(2 * cache.store.pageBytes);
    expect([...cache.within(2 * file, demands)]).toEqual(['a', 'b']);
    expect(cache.within(file - 1, demands).size).toBe(0);
    expect(cache.within(Infinity, demands).size).toBe(3);

    const { missing } = cache.acquire([{ address: 'a', tokens: TOKENS }]);
    prefill(cache, missing[0]!, false);
    await cache.flush();
    expect(await readdir(dir)).toEqual([]);
    expect((await use(cache, 'a')).from).toBe('memory');
  });

  it('keeps on disk what memory has no room for', async () => {
    const twoRuns = 4 * (await open()).store.pageBytes;
    const cache = await open({ memoryBytes: twoRuns });
    for (const address of ['a', 'b', 'c']) {
      expect((await use(cache, address)).from).toBe('prefill');
      await cache.flush();
    }
    expect(cache.pool.stats().evictions).toBe(1);
    expect((await use(cache, 'a')).from).toBe('disk');
    expect((await use(cache, 'c')).from).toBe('memory');
  });

  const damages: [string, (file: string) => Promise<void>][] = [
    [
      'a flipped bit in the pages',
      async (file) => {
        const bytes = await readFile(file);
        bytes[200]! ^= 1;
        await writeFile(file, bytes);
      },
    ],
    [
      'a flipped bit in the header',
      async (file) => {
        const bytes = await readFile(file);
        bytes[9]! ^= 1;
        await writeFile(file, bytes);
      },
    ],
    ['a missing end', (file) => truncate(file, 300)],
    ['no content', (file) => truncate(file, 0)],
    ['no file', (file) => rm(file)],
  ];
  it.each(damages)('computes again after %s', async (_, damage) => {
    const writer = await open();
    await use(writer, 'a');
    await writer.flush();
    const [name] = await readdir(dir);
    const file = join(dir, name!);
    const reader = await open();
    await damage(file);
    expect((await use(reader, 'a')).from).toBe('prefill');
    expect(warnings).toHaveLength(1);
    await reader.flush();
    expect((await use(await open(), 'a')).from).toBe('disk');
  });

  it('ignores files of another model shape', async () => {
    const writer = await open();
    await use(writer, 'a');
    await writer.flush();
    const other = await KvCache.open({ shape: { ...shape, layers: 3 }, memoryBytes: 1 << 16, diskBytes: 1 << 20, dir });
    const { missing } = other.acquire([{ address: 'a', tokens: TOKENS }]);
    expect(await other.restore(missing[0]!)).toBe(false);
    expect(await readdir(dir)).toEqual([]);
  });

  it('bounds the folder, oldest first, across restarts', async () => {
    const one = spillFileBytes(2 * (await open()).store.pageBytes);
    const cache = await open({ diskBytes: 2 * one });
    for (const address of ['a', 'b']) await use(cache, address);
    await cache.flush();
    await utimes(join(dir, 'a.kv'), 2e9, 2e9);
    await utimes(join(dir, 'b.kv'), 1e9, 1e9);
    const later = await open({ diskBytes: 2 * one });
    await use(later, 'c');
    await later.flush();
    expect((await readdir(dir)).sort()).toEqual(['a.kv', 'c.kv']);
    expect(later.spill!.bytes).toBe(2 * one);
    const smaller = await open({ diskBytes: one });
    expect(smaller.spill!.size).toBe(1);
    const none = await open({ diskBytes: one - 1 });
    await use(none, 'd');
    await none.flush();
    expect(await readdir(dir)).toEqual([]);
  });

  it('sweeps what a killed writer left', async () => {
    await writeFile(join(dir, 'a.kv.1.tmp'), 'half');
    await writeFile(join(dir, 'README'), 'not ours');
    await open();
    expect(await readdir(dir)).toEqual(['README']);
  });

  it('goes on without a disk that refuses', async () => {
    const cache = await open();
    await rm(dir, { recursive: true });
    expect((await use(cache, 'a')).from).toBe('prefill');
    await cache.flush();
    expect(warnings).toHaveLength(1);
    expect((await use(cache, 'a')).from).toBe('memory');
  });

  it('keeps nothing on disk when told so', async () => {
    const cache = await open({ diskBytes: 0 });
    await use(cache, 'a');
    await cache.flush();
    expect(await readdir(dir)).toEqual([]);
  });

  it('drops a run whose reader gave up while it was read from disk', async () => {
    const writer = await open();
    await use(writer, 'a');
    await writer.flush();
    const cache = await open();
    const { runs, missing } = cache.acquire([{ address: 'a', tokens: TOKENS }]);
    const restoring = cache.restore(missing[0]!);
    cache.release(runs);
    expect(await restoring).toBe(true);
    cache.pool.check();
    expect(cache.pool.has('a')).toBe(true);
  });
});
