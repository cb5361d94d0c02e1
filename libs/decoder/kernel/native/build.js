/** Compiles the native kernel to dist/native, once for each kind of vectors, where there is a C compiler: `npm run build`. Without one, decoding is slower, not different. */
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

const folder = fileURLToPath(new URL('.', import.meta.url));
const out = fileURLToPath(new URL('../../../../dist/native/', import.meta.url));

const COMMON = ['-fwrapv', '-O3', '-std=gnu17', '-fPIC', '-Wall', '-Wextra', '-fvisibility=hidden'];
/** What the processor must have is asked before any of it runs; binding.c, which asks, is compiled without. */
const AVX2 = ['-mavx2', '-mfma', '-mf16c'];
/** Names are those of addon.ts. */
const KERNELS = {
  avx512: { lanes: 16, vectors: [...AVX2, ...['f', 'bw', 'vl', 'dq', 'vnni'].map((name) => `-mavx512${name}`)] },
  avx2: { lanes: 8, vectors: AVX2 },
};

const sources = readdirSync(folder).filter((name) => name.endsWith('.c'));
const compiler = ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version']).status === 0);

if (process.platform !== 'linux' || process.arch !== 'x64') process.exit(0);
if (!compiler) {
  console.warn(
    'There is no C compiler: the decoder runs without its native kernel. Install gcc and build again for more speed.',
  );
  process.exit(0);
}

const hash = createHash('sha256').update(JSON.stringify([COMMON, KERNELS]));
for (const name of readdirSync(folder).sort()) if (/\.[ch]$/.test(name)) hash.update(readFileSync(join(folder, name)));
const stamp = hash.digest('hex');
const stampFile = join(out, 'kernel.sha256');
if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) process.exit(0);

mkdirSync(out, { recursive: true });
const work = mkdtempSync(join(out, 'build-'));
try {
  for (const [name, kernel] of Object.entries(KERNELS)) build(name, kernel);
  writeFileSync(stampFile, stamp);
} catch (error) {
  console.warn(`The native kernel was not built, the decoder runs without: ${error.message}`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

/**
 * @param {string} name
 * @param {{ lanes: number, vectors: string[] }} kernel
 */
function build(name, { lanes, vectors }) {
  const objects = sources.map((source) => {
    const object = join(work, `${name}-${source.replace('.c', '.o')}`);
    const asks = source === 'binding.c';
    const options = [...COMMON, `-DLANES=${lanes}`, ...(asks ? [`-I${headers.include_dir}`] : vectors)];
    run([...options, '-c', join(folder, source), '-o', object]);
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
