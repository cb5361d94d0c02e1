import { parentPort } from 'node:worker_threads';
import { moved, packError, STOP, type Call, type Moved, type Reply } from './messages.js';
import { giveWay } from './priority.js';

export { moved };

export type Methods = Record<string, (payload: never) => Promise<Moved<unknown>>>;

/**
 * The worker's side of a {@link WorkerClient}: answers calls one after another, in the order they came.
 *
 * @example serveWorker({ async square(x: number) { return moved(x * x, []); } });
 */
export function serveWorker(methods: Methods): void {
  const port = parentPort;
  if (!port) throw new Error('serveWorker runs in a worker thread only.');
  giveWay();
  let last: Promise<void> = Promise.resolve();
  const answer = async ({ id, method, payload }: Call) => {
    try {
      const run = methods[method];
      if (!run) throw new Error(`The worker has no method "${method}".`);
      const { value, transfer } = await run(payload as never);
      port.postMessage({ id, value } satisfies Reply, transfer);
    } catch (error) {
      port.postMessage({ id, error: packError(error) } satisfies Reply);
    }
  };
  port.on('message', (call: Call | typeof STOP) => {
    // In a worker this ends the thread, not the process.
    last = last.then(() => (call === STOP ? process.exit() : answer(call)));
  });
}
