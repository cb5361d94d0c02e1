import { describeModels, installPack, verifyPack } from '#runtime';
import type { Config } from '#platform';
import { note, out, outJson, paint } from '../output/print.js';
import { Progress } from '../output/progress.js';

const MB = 1_000_000;
const size = (bytes: number): string => `${(bytes / MB).toFixed(1)} MB`;

/** Pulls a pack; files that are there and right are not fetched again. */
export async function pull(config: Config, name: string): Promise<number> {
  const progress = new Progress();
  const started = performance.now();
  const pack = await installPack(name, {
    cacheDir: config.cacheDir,
    onProgress: ({ file, received, total }) =>
      progress.update(file, received / Math.max(1, total), `${size(received)} of ${size(total)}`),
  });
  progress.clear();
  note(
    `${pack.manifest.name} ${pack.manifest.version} is ready (${((performance.now() - started) / 1000).toFixed(1)} s).`,
  );
  return 0;
}
