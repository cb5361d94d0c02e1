/**
 * Compiles what is written in C to dist/native, where there is a compiler: `npm run build`. The decoder's kernel, once for each kind of
 * vectors, and what tells malloc. Without a compiler decoding is slower, and memory larger; nothing else is different.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import headers from 'node-api-headers';

const folderOf = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));
const out = folderOf('../../../dist/native/');

const COMMON = ['-fwrapv', '-O3', '-std=gnu17', '-fPIC', '-Wall', '-Wextra', '-fvisibility=hidden'];
const HEADERS = `-I${headers.include_dir}`;
/** What the processor must have is asked before any of it runs; binding.c, which asks, is compiled without. */
const AVX2 = ['-mavx2', '-mfma', '-mf16c'];
const AVX512 = [...AVX2, ...['f', 'bw', 'vl', 'dq', 'vnni'].map((name) => `-mavx512${name}`)];
const KERNEL = folderOf('../../decoder/kernel/native/');
/** Names are those that `openAddon` is given. */
const ADDONS = {
  ...(process.arch === 'x64' && {
    avx512: { folder: KERNEL, options: ['-DLANES=16'], vectors: AVX512 },
    avx2: { folder: KERNEL, options: ['-DLANES=8'], vectors: AVX2 },
  }),
  malloc: { folder: folderOf('./'), options: [], vectors: [] },
};

const compiler = ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version']).status === 0);

if (process.platform !== 'linux') process.exit(0);
if (!compiler) {
  console.warn(
    'There is no C compiler: Tessera runs without its native code. Install gcc and build again for more speed, and less memory.',
  );
  process.exit(0);
}

const hash = createHash('sha256').update(
  JSON.stringify([COMMON, Object.values(ADDONS).map(({ options, vectors }) => [options, vectors])]),
);
for (const { folder } of Object.values(ADDONS))
  for (const name of readdirSync(folder).sort())
    if (/\.[ch]$/.test(name)) hash.update(readFileSync(join(folder, name)));
const stamp = hash.digest('hex');
const stampFile = join(out, 'native.sha256');
if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) process.exit(0);

mkdirSync(out, { recursive: true });
const work = mkdtempSync(join(out, 'build-'));
try {
  for (const [name, addon] of Object.entries(ADDONS)) build(name, addon);
  writeFileSync(stampFile, stamp);
} catch (error) {
  console.warn(`The native code was not built, Tessera runs without: ${error.message}`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

/**
 * @param {string} name
 * @param {{ folder: string, options: string[], vectors: string[] }} addon
 */
function build(name, { folder, options, vectors }) {
  const sources = readdirSync(folder).filter((source) => source.endsWith('.c'));
  const objects = sources.map((source) => {
    const object = join(work, `${name}-${source.replace('.c', '.o')}`);
    const asks = source === 'binding.c';
    run([...COMMON, HEADERS, ...options, ...(asks ? [] : vectors), '-c', join(folder, source), '-o', object]);
    return object;
  });
  const library = join(work, `${name}.node`);
  run(['-shared', '-pthread', ...objects, '-lm', '-o', library]);
  // Whole or not at all: a process may have the former one loaded.
  renameSync(library, join(out, `${name}.node`));
}

/** @param {string[]} options */
function run(options) {
  const { status, stderr } = spawnSync(compiler, options, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${compiler} ended with ${status}: ${stderr.slice(0, 2000)}`);
  if (stderr) console.warn(stderr);
}
