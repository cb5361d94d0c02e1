/** Compiles assembly/ (AssemblyScript) to WebAssembly and writes it as generated/kernel.ts: `npm run kernel`. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const folder = fileURLToPath(new URL('.', import.meta.url));

/** @returns {Promise<string>} the contents of generated/kernel.ts */
export async function compileKernel() {
  const { error, stdout, stderr, binary } = await compile();
  if (error || !binary) throw new Error(`${stderr}${stdout}`, { cause: error });
  const lines = Buffer.from(binary)
    .toString('base64')
    .match(/.{1,118}/g);
  return ['// Compiled from ../assembly by `npm run kernel`.', 'export const KERNEL = `', ...lines, '`;', ''].join(
    '\n',
  );
}

async function compile() {
  let binary;
  const result = await asc.main(
    [
      'assembly/index.ts',
      '--baseDir',
      folder,
      '--outFile',
      'kernel.wasm',
      '-O3',
      '--noAssert',
      '--runtime',
      'stub',
      '--importMemory',
      '--sharedMemory',
      '--initialMemory',
      '1',
      '--maximumMemory',
      '65536',
      '--enable',
      'simd',
      '--enable',
      'threads',
      '--enable',
      'bulk-memory',
    ],
    {
      writeFile: (_, contents) => {
        binary = contents;
      },
    },
  );
  return { ...result, stdout: String(result.stdout), stderr: String(result.stderr), binary };
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await writeFile(new URL('generated/kernel.ts', import.meta.url), await compileKernel());
