import { parentPort, workerData } from 'node:worker_threads';
import { TesseraError } from '#contracts';
import { Engine } from '../engine/engine.js';
import { KvCache } from '../pool/kv-cache.js';
import { loadModel } from '../runner/model.js';
import type { FromWorker, ToWorker, WorkerOptions } from './messages.js';

const port = parentPort!;
const options = workerData as WorkerOptions;
const send = (message: FromWorker): void => port.postMessage(message);
const warn = (message: string): void => send({ type: 'warning', message });

async function open(): Promise<Engine> {
  const model = await loadModel({ ...options, warn });
  const { layers, kvHeads, headDim } = model.config;
  const cache = await KvCache.open({
    shape: { layers, kvHeads, headDim },
    memoryBytes: options.kvMemoryBytes,
    diskBytes: options.kvDiskBytes,
    dir: options.kvDir,
    warn,
  });
  return new Engine(model, cache);
}

/** Lets messages in between two steps: a cancellation waits for one step at most. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let running = false;
let stopping = false;
async function run(engine: Engine): Promise<void> {
  if (running) return;
  running = true;
  while (engine.busy && !stopping) {
    await engine.step();
    await breathe();
  }
  running = false;
  if (stopping) {
    await engine.close();
    process.exit(); // In a worker this ends the thread, not the process.
  }
}

try {
  const engine = await open();
  port.on('message', (message: ToWorker) => {
    if (message.type === 'stop') {
      stopping = true;
      void run(engine);
      return;
    }
    if (message.type === 'crash') throw new Error('crashed on request');
    const { id } = message;
    switch (message.type) {
      case 'generate':
        engine.submit(id, message.request, {
          event: (event) => send({ type: 'event', id, event }),
          error: (error) => send({ type: 'error', id, error: error.toBody() }),
        });
        void run(engine);
        break;
      case 'cancel':
        engine.cancel(id);
        break;
      case 'stats':
        send({ type: 'stats', id, stats: engine.stats() });
    }
  });
  send({ type: 'ready' });
} catch (error) {
  send({ type: 'fatal', error: TesseraError.from(error).toBody() });
}
