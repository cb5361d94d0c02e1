import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import type { Source } from './source.js';

const require = createRequire(import.meta.url);

/**
 * The path of a source that is already on this machine, or undefined: `file:` relative to the manifest's folder, `npm:`
 * in the node_modules folders above this module. A package's `exports` do not count: we read a file, not its code.
 */
export function locateSource(source: Source, manifestDir: string): string | undefined {
  const candidates =
    source.type === 'file'
      ? [resolve(manifestDir, source.path)]
      : source.type === 'npm'
        ? (require.resolve.paths(source.package) ?? []).map((folder) => join(folder, source.package, source.path))
        : [];
  return candidates.find((path) => existsSync(path));
}
