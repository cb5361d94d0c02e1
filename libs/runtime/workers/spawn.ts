import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts a worker thread from one of our own modules. Name the compiled file beside the caller:
 * in dist it exists and runs as it is; from source (vitest, development) its `.ts` runs through module hooks,
 * with the `tessera-source` condition, so that `#runtime` and its like mean the source there too.
 *
 * @example const worker = spawnWorker(new URL('./session-worker.js', import.meta.url), { name: 'vision' });
 */
export function spawnWorker(entry: URL, options: WorkerOptions = {}): Worker {
  const { file, execArgv } = program(entry);
  return new Worker(file, { ...options, execArgv });
}

/**
 * Node's arguments that run one of our own modules in a process of its own, named as for {@link spawnWorker}.
 *
 * @example runProcess(process.execPath, moduleProgram(new URL('./reader-process.js', import.meta.url)));
 */
export function moduleProgram(entry: URL): string[] {
  const { file, execArgv } = program(entry);
  return [...execArgv, fileURLToPath(file)];
}

function program(entry: URL): { file: URL; execArgv: string[] } {
  if (existsSync(entry)) return { file: entry, execArgv: [] };
  const hooks = JSON.stringify(new URL('./source-hooks.js', import.meta.url).href);
  const register = `data:text/javascript,import{register}from"node:module";register(${encodeURIComponent(hooks)})`;
  return {
    file: new URL(entry.href.replace(/\.js$/, '.ts')),
    execArgv: ['--conditions=tessera-source', '--import', register],
  };
}
