import { TesseraError } from '#contracts';
import { describeSteps } from '#decoder';
import type { Config } from '#platform';
import { describeModels, installPack, verifyPack } from '#runtime';
import { note, out, outJson, paint } from '../output/print.js';
import { Progress } from '../output/progress.js';

const size = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

const PROGRAMS = {
  native: 'native kernel, prefill and choice of pages too',
  webassembly: 'kernel in WebAssembly',
  graph: 'onnxruntime',
};

/** Packs and their files, and what runs where on this machine. */
export async function list(config: Config, options: { json?: boolean }): Promise<number> {
  const { cacheDir, dataDir } = config;
  const models = await describeModels({ cacheDir, dataDir, executionProviders: config.runtime.executionProviders });
  const steps = describeSteps(config.runtime.executionProviders);
  if (options.json) {
    outJson({ ...models, steps });
    return 0;
  }
  for (const pack of models.packs) {
    const missing = pack.missingBytes > 0 ? `${size(pack.missingBytes)} to fetch` : 'ready';
    const inUse = pack.name === config.pack ? ', in use' : '';
    out(`${paint('bold', `${pack.name} ${pack.version}`)}  ${size(pack.bytes)}, ${missing}${inUse}`);
    out(`  ${pack.description}`);
    for (const file of pack.files) {
      const mark = file.present ? paint('green', '✓') : paint('red', '✗');
      out(`  ${mark} ${file.name.padEnd(30)} ${size(file.bytes).padStart(9)}  ${file.licence}`);
    }
    for (const { part, model, provider } of pack.parts) out(`  ${part.padEnd(15)} ${provider.padEnd(6)} ${model}`);
  }
  out(`\ndecoder precision  ${models.decoder.precision}: ${models.decoder.reason}`);
  out(`decoder steps      ${PROGRAMS[steps.by]}: ${steps.reason}`);
  out(`processor          ${models.cpu.model}: ${(models.cpu.abilities ?? ['abilities unknown']).join(', ')}`);
  out(`providers          ${models.providers.available.join(', ')}; in use: ${models.providers.used}`);
  for (const warning of models.providers.warnings) note(`warning: ${warning}`);
  return 0;
}

/** Pulls a pack; files that are there and right are not fetched again. */
export async function pull(config: Config, name = config.pack): Promise<number> {
  const progress = new Progress();
  const started = performance.now();
  const pack = await installPack(name, {
    cacheDir: config.cacheDir,
    dataDir: config.dataDir,
    hub: config.hub,
    repair: true,
    onProgress: ({ file, received, total }) =>
      progress.update(file, received / Math.max(1, total), `${size(received)} of ${size(total)}`),
  });
  progress.clear();
  note(
    `${pack.manifest.name} ${pack.manifest.version} is ready (${((performance.now() - started) / 1000).toFixed(1)} s).`,
  );
  return 0;
}

/** Hashes every file again and says which are not what the manifest names. */
export async function verify(config: Config, name = config.pack): Promise<number> {
  const results = await verifyPack(name, {
    cacheDir: config.cacheDir,
    dataDir: config.dataDir,
    onFile: ({ file, state, expected, got }) => {
      const mark = state === 'ok' ? paint('green', '✓') : paint('red', '✗');
      out(
        `${mark} ${file}${state === 'ok' ? '' : `  ${state}: expected ${expected}${got === undefined ? '' : `, got ${got}`}`}`,
      );
    },
  });
  const wrong = results.filter((result) => result.state === 'wrong');
  const missing = results.filter((result) => result.state === 'missing');
  if (wrong.length > 0) {
    throw new TesseraError(
      'model_hash_mismatch',
      `${wrong.map(({ file }) => file).join(', ')}: the content is not what ${name} names. Type \`tessera models pull\` to fetch it again.`,
    );
  }
  if (missing.length > 0) {
    throw new TesseraError(
      'model_missing',
      `${missing.map(({ file }) => file).join(', ')} is missing. Type \`tessera models pull\`.`,
    );
  }
  return 0;
}
