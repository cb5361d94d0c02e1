import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeModels } from './describe.js';
import { installPack, packId, verifyPack } from './install.js';
import { findPack, listPacks, parseManifest } from './manifests.js';

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');
const FILES = { 'base.gguf': 'the base', 'prompts.json': '{}' };

function manifest(changes: object = {}): string {
  return JSON.stringify({
    name: 'mine',
    version: '1',
    description: 'a test',
    files: Object.entries(FILES).map(([name, text]) => ({
      name,
      sources: [`file:${name}`],
      bytes: text.length,
      sha256: hashOf(text),
      licence: 'MIT',
    })),
    decoder: { base: 'base.gguf', embedding: 8, prompts: 'prompts.json' },
    ...changes,
  });
}

let dataDir: string;
let folder: string;
let options: { dataDir: string; cacheDir: string };
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tessera-packs-'));
  folder = join(dataDir, 'packs', 'mine');
  options = { dataDir, cacheDir: join(dataDir, 'cache') };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'pack.json'), manifest());
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text);
});
afterEach(() => rm(dataDir, { recursive: true }));

describe('packs', () => {
  it("finds the project's packs and the user's", async () => {
    const names = (await listPacks(options)).map(({ manifest }) => manifest.name);
    expect(names).toContain('tessera-nano');
    expect(names).toContain('mine');
    await expect(findPack('other', options)).rejects.toMatchObject({
      code: 'model_not_found',
      message: expect.stringContaining('tessera-nano'),
    });
  });

  it('installs, warm in a few milliseconds', async () => {
    const pack = await installPack('mine', options);
    expect(pack.path('base.gguf')).toBe(join(folder, 'base.gguf'));
    expect(() => pack.path('none')).toThrow('has no file "none"');
    const started = performance.now();
    expect((await installPack('mine', options)).id).toBe(pack.id);
    expect(performance.now() - started).toBeLessThan(50);
  });

  it('verifies every byte, whatever size and time say', async () => {
    await installPack('mine', options);
    const base = join(folder, 'base.gguf');
    const { atime, mtime } = await stat(base);
    await writeFile(base, 'the bass');
    await utimes(base, atime, mtime);
    const results = await verifyPack('mine', options);
    expect(results.map(({ file, state }) => [file, state])).toEqual([
      ['base.gguf', 'wrong'],
      ['prompts.json', 'ok'],
    ]);
    expect(results[0]).toMatchObject({ expected: hashOf('the base'), got: hashOf('the bass') });
    await expect(installPack('mine', options)).rejects.toMatchObject({
      code: 'model_hash_mismatch',
      param: 'base.gguf',
    });

    await rm(base);
    expect((await verifyPack('mine', options))[0]!.state).toBe('missing');
    await expect(installPack('mine', options)).rejects.toMatchObject({
      code: 'model_source_unreachable',
      message: expect.stringContaining('base.gguf'),
    });
  });

  it('describes what is there and what is missing', async () => {
    await rm(join(folder, 'base.gguf'));
    const { packs, providers, cpu, decoder } = await describeModels(options);
    const mine = packs.find(({ name }) => name === 'mine')!;
    expect(mine.files.map(({ name, present }) => [name, present])).toEqual([
      ['base.gguf', false],
      ['prompts.json', true],
    ]);
    expect(mine).toMatchObject({ bytes: 10, missingBytes: 8, parts: [{ part: 'decoder', provider: 'cpu' }] });
    expect(providers.available).toContain('cpu');
    expect(cpu.cores).toBeGreaterThan(0);
    expect(['columns', 'blocks']).toContain(decoder.manyRows);
  });

  it('names every fault of a manifest', () => {
    const file = { name: 'a', sources: ['ftp:x'], bytes: 0, sha256: 'beef', licence: 'MIT' };
    expect(() => parseManifest(manifest({ files: [file] }), 'p')).toThrow(
      /files\.0\.sources\.0.*\n.*files\.0\.bytes.*\n.*files\.0\.sha256/,
    );
    const decoder = { base: 'x', adapter: 'y', embedding: 8, prompts: 'prompts.json' };
    expect(() => parseManifest(manifest({ decoder }), 'p')).toThrow(
      /decoder\.base: "x" is not among the files\n\s+decoder\.adapter: "y"/,
    );
    expect(() => parseManifest('{', 'p')).toThrow('p is not JSON');
  });

  it('has an id that changes exactly with the weights', () => {
    const pack = parseManifest(manifest(), 'p');
    expect(packId({ files: [...pack.files].reverse() })).toBe(packId(pack));
    const [first, ...rest] = pack.files;
    expect(packId({ files: [{ ...first!, sha256: hashOf('other') }, ...rest] })).not.toBe(packId(pack));
  });
});

describe('tessera-nano', () => {
  it("names the project's own files as they are; else run `npm run packs:refresh`", async () => {
    const { manifest, folder } = await findPack('tessera-nano');
    const own = manifest.files.flatMap((file) =>
      file.sources.filter((source) => source.startsWith('file:')).map((source) => ({ ...file, path: source.slice(5) })),
    );
    expect(own.length).toBeGreaterThan(2);
    for (const { name, path, bytes, sha256 } of own) {
      const content = await readFile(resolve(folder, path));
      const hash = createHash('sha256').update(content).digest('hex');
      expect({ name, bytes: content.length, sha256: hash }).toEqual({ name, bytes, sha256 });
    }
    expect(dirname(folder).endsWith('packs')).toBe(true);
  });
});
