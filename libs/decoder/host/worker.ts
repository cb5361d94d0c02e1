import { parentPort, workerData } from 'node:worker_threads';
import { TesseraError } from '#contracts';
import { giveWay } from '#runtime';
import { Engine } from '../engine/engine.js';
import { KvCache } from '../pool/kv-cache.js';
import { loadModel } from '../runner/model.js';
import type { Answer, FromWorker, ToWorker, WorkerOptions } from './messages.js';

const port = parentPort!;
const options = workerData as WorkerOptions;
const send = (message: FromWorker): void => port.postMessage(message);
const warn = (message: string): void => send({ type: 'warning', message });

async function open(): Promise<Engine> {
  giveWay();
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

/** Lets messages come in. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const inbox: ToWorker[] = [];
let outbox: Answer[] = [];

function sendAnswers(): void {
  if (outbox.length > 0) send({ type: 'answers', answers: outbox });
  outbox = [];
}

function receive(engine: Engine, message: ToWorker): void {
  switch (message.type) {
    case 'generate':
      engine.submit(message.id, message.request, {
        event: (event) => outbox.push({ id: message.id, event }),
        error: (error) => outbox.push({ id: message.id, error: error.toBody() }),
      });
      break;
    case 'cancel':
      engine.cancel(message.id);
      break;
    case 'stats':
      send({ type: 'stats', id: message.id, stats: engine.stats() });
      break;
    case 'stop':
      stopping = true;
      break;
    case 'crash':
      throw new Error('crashed on request');
  }
}

let running = false;
let stopping = false;
/**
 * Messages wait for the end of the step, one step at most: in the middle of it the pages and the arena of a sequence are being read and
 * written, and those of a cancelled one, given away then, would be another's.
 */
async function run(engine: Engine): Promise<void> {
  if (running) return;
  running = true;
  for (;;) {
    for (const message of inbox.splice(0)) receive(engine, message);
    sendAnswers();
    if (stopping || !engine.busy) break;
    await engine.step();
    sendAnswers();
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
    inbox.push(message);
    void run(engine);
  });
  send({ type: 'ready' });
} catch (error) {
  send({ type: 'fatal', error: TesseraError.from(error).toBody() });
}
