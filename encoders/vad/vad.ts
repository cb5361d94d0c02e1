import { readFile } from 'node:fs/promises';
import { TesseraError, type InstalledPack } from '#contracts';
import { recordWork } from '#platform';
import { createSession, readOnnx, tensor, type OnnxSession } from '#runtime';
import { buildVadModel, CONTEXT, HIDDEN, WINDOW } from './vad-graph.js';

export const VAD_SAMPLE_RATE = 16_000;
/** Samples that one probability stands for. */
export const VAD_WINDOW = WINDOW;

/** Samples that the model sees for one probability. */
const SIZE = CONTEXT + WINDOW;

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
  /** What the next window begins with: what it sees of the one before, and samples that did not fill a window yet. */
  private tail = new Float32Array(CONTEXT);
  private readonly begun = Date.now();
  private windows = 0;
  private busyMs = 0;

  constructor(private readonly session: OnnxSession) {}

  /** Speech probability of each whole window of 512 samples; what is left over waits for more. Call it in turn. */
  async push(samples: Float32Array, { signal }: { signal?: AbortSignal } = {}): Promise<Float32Array> {
    const { tail } = this;
    const length = tail.length + samples.length;
    const count = Math.floor((length - CONTEXT) / WINDOW);
    this.tail = new Float32Array(length - count * WINDOW);
    copyJoined(tail, samples, count * WINDOW, this.tail);
    if (count === 0) return new Float32Array(0);
    const windows = new Float32Array(count * SIZE);
    for (let i = 0; i < count; i++) copyJoined(tail, samples, i * WINDOW, windows.subarray(i * SIZE, (i + 1) * SIZE));
    return this.run(windows, signal);
  }

  /** The probability of the last, partly filled window; empty when nothing is left. */
  async finish({ signal }: { signal?: AbortSignal } = {}): Promise<Float32Array> {
    const { tail } = this;
    this.tail = tail.slice(0, CONTEXT);
    const last = new Float32Array(tail.length === CONTEXT ? 0 : SIZE);
    last.set(tail.subarray(0, last.length));
    const probability = last.length === 0 ? last : await this.run(last, signal);
    // A call is a second of sound: one span for the stream, not thousands.
    const measures = { 'tessera.windows': this.windows, 'tessera.busy_ms': this.busyMs };
    recordWork('vad', { start: this.begun, end: Date.now() }, measures);
    return probability;
  }

  private async run(windows: Float32Array, signal: AbortSignal | undefined): Promise<Float32Array> {
    const count = windows.length / SIZE;
    const feeds = {
      windows: tensor('float32', [count, SIZE], windows),
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

/** Fills `into` with what two arrays, one behind the other, hold from a position on. */
function copyJoined(first: Float32Array, second: Float32Array, from: number, into: Float32Array): void {
  const head = first.subarray(from, from + into.length);
  into.set(head);
  const begin = from + head.length - first.length;
  into.set(second.subarray(begin, begin + into.length - head.length), head.length);
}

/** @throws TesseraError model_missing when the pack has no VAD */
export async function createVad({ pack, threads = 1 }: VadOptions): Promise<Vad> {
  const { vad } = pack.manifest;
  if (!vad) throw new TesseraError('model_missing', `The pack ${pack.manifest.name} has no voice activity detector.`);
  const bytes = buildVadModel(readOnnx(await readFile(pack.path(vad.model))));
  return new Vad(await createSession({ bytes, name: 'voice activity detector', threads }));
}
