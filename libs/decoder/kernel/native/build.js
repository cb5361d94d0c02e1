/** Compiles the native kernel to dist/native/kernel.node, where there is a C compiler: `npm run build`. Without one, decoding is slower, not different. */
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
const VECTORS = ['f', 'bw', 'vl', 'dq', 'vnni'].map((name) => `-mavx512${name}`).concat('-mfma', '-mf16c');

const sources = readdirSync(folder).filter((name) => name.endsWith('.c'));
const compiler = ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version']).status === 0);

if (process.platform !== 'linux' || process.arch !== 'x64') process.exit(0);
if (!compiler) {
  console.warn(
    'There is no C compiler: the decoder runs without its native kernel. Install gcc and build again for more speed.',
  );
  process.exit(0);
}

const hash = createHash('sha256').update(COMMON.join() + VECTORS.join());
for (const name of readdirSync(folder).sort()) if (/\.[ch]$/.test(name)) hash.update(readFileSync(join(folder, name)));
const stamp = hash.digest('hex');
const stampFile = join(out, 'kernel.sha256');
if (existsSync(join(out, 'kernel.node')) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp)
  process.exit(0);

mkdirSync(out, { recursive: true });
const work = mkdtempSync(join(out, 'build-'));
try {
  const objects = sources.map((name) => {
    const object = join(work, name.replace('.c', '.o'));
    run([
      ...COMMON,
      ...(name === 'binding.c' ? [`-I${headers.include_dir}`] : VECTORS),
      '-c',
      join(folder, name),
      '-o',
      object,
    ]);
    return object;
  });
  const library = join(work, 'kernel.node');
  run(['-shared', '-pthread', ...objects, '-lm', '-o', library]);
  // Whole or not at all: a process may have the former one loaded.
  renameSync(library, join(out, 'kernel.node'));
  writeFileSync(stampFile, stamp);
} catch (error) {
  console.warn(`The native kernel was not built, the decoder runs without: ${error.message}`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** @param {string[]} options */
function run(options) {
  const { status, stderr } = spawnSync(compiler, options, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${compiler} ended with ${status}: ${stderr.slice(0, 2000)}`);
  if (stderr) console.warn(stderr);
}
