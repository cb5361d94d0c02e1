#!/usr/bin/env node
// Starts the built CLI; says what to do when it was not built yet.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../dist/apps/cli/main.js', import.meta.url);
if (!existsSync(fileURLToPath(main))) {
  process.stderr.write(
    'Tessera is not built yet. Type `make build` (or `npm ci && npm run build`) in the checkout first.\n',
  );
  process.exit(1);
}
await import(main.href);
