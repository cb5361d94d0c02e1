// Writes the true size and sha-256 of the project's own files (`file:` sources) into packs/*/pack.json.
// Run after replacing weights: `npm run packs:refresh`. The hash of any other file is a pin, and is changed by hand.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const packs = dirname(fileURLToPath(import.meta.url));

for (const name of readdirSync(packs)) {
  const file = join(packs, name, 'pack.json');
  if (!existsSync(file)) continue;
  const text = readFileSync(file, 'utf8');
  let refreshed = text;
  for (const { name: part, sources, bytes, sha256 } of JSON.parse(text).files) {
    const own = sources.find((source) => source.startsWith('file:'));
    if (!own) continue;
    const content = readFileSync(resolve(dirname(file), own.slice('file:'.length)));
    const hash = createHash('sha256').update(content).digest('hex');
    if (hash === sha256 && content.length === bytes) continue;
    console.log(
      `${name}/${part}: ${bytes} bytes ${sha256.slice(0, 12)} -> ${content.length} bytes ${hash.slice(0, 12)}`,
    );
    const entry = new RegExp(
      `("name": "${part.replaceAll('.', '\\.')}",[^}]*?"bytes": )\\d+(,\\s*"sha256": ")[0-9a-f]+`,
    );
    refreshed = refreshed.replace(entry, `$1${content.length}$2${hash}`);
  }
  if (refreshed !== text) writeFileSync(file, refreshed);
}
