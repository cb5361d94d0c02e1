import { readFile } from 'node:fs/promises';
import { TesseraError, type InstalledPack } from '#contracts';
import { recordWork } from '#platform';
import { createSession, readOnnx, tensor, type OnnxSession } from '#runtime';
import { buildVadModel, CONTEXT, HIDDEN, WINDOW } from './vad-graph.js';

export const VAD_SAMPLE_RATE = 16_000;
/** Samples that one probability stands for. */
export const VAD_WINDOW = WINDOW;

export interface VadOptions {
  pack: InstalledPack;
  threads?: number;
}

/** Silero VAD in a worker thread; any number of streams at once. */
export class Vad {
  constructor(private readonly session: OnnxSession) {}

  /** A new stream of mono float32 PCM at 16 kHz. */
  stream(): VadStream {
    return new VadStream(this.session);
  }

  async dispose(): Promise<void> {
    await this.session.dispose();
  }
}

/** The model's state along one recording. */
export class VadStream {
  private h = new Float32Array(HIDDEN);
  private c = new Float32Array(HIDDEN);
  private context = new Float32Array(CONTEXT);
  private rest = new Float32Array(0);
  private readonly begun = Date.now();
  private windows = 0;
  private busyMs = 0;

  constructor(private readonly session: OnnxSession) {}

  /** Speech probability of each whole window of 512 samples; what is left over waits for more. Call it in turn. */
  async push(samples: Float32Array, { signal }: { signal?: AbortSignal } = {}): Promise<Float32Array> {
    const all = joined(this.rest, samples);
    const count = Math.floor(all.length / WINDOW);
    this.rest = all.slice(count * WINDOW);
    return this.run(all, count, signal);
  }

  /** The probability of the last, partly filled window; empty when nothing is left. */
  async finish({ signal }: { signal?: AbortSignal } = {}): Promise<Float32Array> {
    const last = new Float32Array(WINDOW);
    last.set(this.rest);
    const probability = await this.run(last, this.rest.length === 0 ? 0 : 1, signal);
    this.rest = new Float32Array(0);
    // A call is a second of sound: one span for the stream, not thousands.
    const measures = { 'tessera.windows': this.windows, 'tessera.busy_ms': this.busyMs };
    recordWork('vad', { start: this.begun, end: Date.now() }, measures);
    return probability;
  }

  private async run(samples: Float32Array, count: number, signal: AbortSignal | undefined): Promise<Float32Array> {
    if (count === 0) return new Float32Array(0);
    const stream = joined(this.context, samples);
    const size = CONTEXT + WINDOW;
    const windows = new Float32Array(count * size);
    for (let i = 0; i < count; i++) windows.set(stream.subarray(i * WINDOW, i * WINDOW + size), i * size);
    this.context = stream.slice(count * WINDOW, count * WINDOW + CONTEXT);
    const feeds = {
      windows: tensor('float32', [count, size], windows),
      h: tensor('float32', [1, 1, HIDDEN], this.h),
      c: tensor('float32', [1, 1, HIDDEN], this.c),
    };
    const asked = performance.now();
    const { probability, h_out, c_out } = await this.session.run(feeds, { transfer: true, signal });
    this.busyMs += performance.now() - asked;
    this.windows += count;
    this.h = h_out!.data as Float32Array<ArrayBuffer>;
    this.c = c_out!.data as Float32Array<ArrayBuffer>;
    return probability!.data as Float32Array;
  }
}

function joined(a: Float32Array, b: Float32Array): Float32Array<ArrayBuffer> {
  const all = new Float32Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

/** @throws TesseraError model_missing when the pack has no VAD */
export async function createVad({ pack, threads = 1 }: VadOptions): Promise<Vad> {
  const { vad } = pack.manifest;
  if (!vad) throw new TesseraError('model_missing', `The pack ${pack.manifest.name} has no voice activity detector.`);
  const bytes = buildVadModel(readOnnx(await readFile(pack.path(vad.model))));
  return new Vad(await createSession({ bytes, name: 'voice activity detector', threads }));
}
