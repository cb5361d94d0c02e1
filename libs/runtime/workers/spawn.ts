import { existsSync } from 'node:fs';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts a worker thread from one of our own modules. Name the compiled file beside the caller:
 * in dist it exists and runs as it is; from source (vitest, development) its `.ts` runs through module hooks,
 * with the `tessera-source` condition, so that `#runtime` and its like mean the source there too.
 *
 * @example const worker = spawnWorker(new URL('./session-worker.js', import.meta.url), { name: 'vision' });
 */
export function spawnWorker(entry: URL, options: WorkerOptions = {}): Worker {
  if (existsSync(entry)) return new Worker(entry, { ...options, execArgv: [] });
  const hooks = JSON.stringify(new URL('./source-hooks.js', import.meta.url).href);
  const register = `data:text/javascript,import{register}from"node:module";register(${encodeURIComponent(hooks)})`;
  return new Worker(new URL(entry.href.replace(/\.js$/, '.ts')), {
    ...options,
    execArgv: ['--conditions=tessera-source', '--import', register],
  });
}
