import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { projectRoot } from '../packs/manifests.js';

/** What `npm run build` compiled (`build.js`), or why it is not there, for people. */
export type OpenedAddon<T> = { addon: T; reason?: undefined } | { addon?: undefined; reason: string };

/** @param name of `dist/native/NAME.node`, whose functions are those of T: nobody else can check that */
export function openAddon<T>(name: string): OpenedAddon<T> {
  const file = join(projectRoot(), 'dist', 'native', `${name}.node`);
  if (!existsSync(file)) return { reason: 'there was no C compiler for Linux on x64 when this was built' };
  try {
    return { addon: createRequire(import.meta.url)(file) as T };
  } catch (error) {
    return { reason: `its file cannot be loaded: ${String(error)}` };
  }
}
