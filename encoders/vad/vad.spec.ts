import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InstalledPack, PackManifest } from '#contracts';
import { createSession, tensor } from '#runtime';
import { createVad, VAD_WINDOW, type Vad } from './vad.js';

const model = createRequire(import.meta.url)
  .resolve('@ricky0123/vad-web')
  .replace(/index\.js$/, 'silero_vad_v6.onnx');
const pack: InstalledPack = {
  id: 'spec',
  manifest: { name: 'spec', vad: { model: 'v' } } as PackManifest,
  path: () => model,
};
const folder = mkdtempSync(path.join(tmpdir(), 'tessera-vad-'));
let vad: Vad;
let speech: Float32Array;

beforeAll(async () => {
  vad = await createVad({ pack });
  const file = path.join(folder, 'said.wav');
  execFileSync('espeak-ng', ['-w', file, 'The quick brown fox jumps over the lazy dog.']);
  const pcm = execFileSync('ffmpeg', [
    '-v',
    'error',
    '-i',
    file,
    '-af',
    'adelay=1000,apad=pad_dur=1',
    '-ac',
    '1',
    '-ar',
    '16000',
    '-f',
    'f32le',
    '-',
  ]);
  speech = new Float32Array(pcm.buffer.slice(pcm.byteOffset, pcm.byteOffset + pcm.byteLength));
  speech = speech.subarray(0, Math.floor(speech.length / VAD_WINDOW) * VAD_WINDOW);
});
afterAll(async () => {
  await vad.dispose();
  rmSync(folder, { recursive: true });
});

/** The file as its authors run it: one window a call. */
async function original(samples: Float32Array): Promise<number[]> {
  const session = await createSession({ file: model, name: 'original' });
  let state = new Float32Array(2 * 128);
  const probabilities: number[] = [];
  for (let at = 0; at < samples.length; at += VAD_WINDOW) {
    const input = new Float32Array(64 + VAD_WINDOW);
    input.set(samples.subarray(Math.max(0, at - 64), at + VAD_WINDOW), at === 0 ? 64 : 0);
    const { output, stateN } = await session.run({
      input: tensor('float32', [1, input.length], input),
      state: tensor('float32', [2, 1, 128], state),
      sr: tensor('int64', [], BigInt64Array.of(16_000n)),
    });
    probabilities.push(output!.data[0] as number);
    state = stateN!.data as Float32Array<ArrayBuffer>;
  }
  await session.dispose();
  return probabilities;
}

describe('Vad', () => {
  it('gives what the original gives window by window, however the stream is cut', async () => {
    const expected = await original(speech);
    const stream = vad.stream();
    const found: number[] = [];
    for (let at = 0, step = 100; at < speech.length; at += step, step = 1 + ((step * 7) % 30_000))
      found.push(...(await stream.push(speech.slice(at, at + step))));
    expect(found.length).toBe(expected.length);
    found.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(2e-4));
    expect(Math.max(...found)).toBeGreaterThan(0.9);
    expect(found[5]).toBeLessThan(0.2);
  });

  it('gives a probability for a partly filled last window, once', async () => {
    const stream = vad.stream();
    await stream.push(new Float32Array(700));
    expect((await stream.finish()).length).toBe(1);
    expect((await stream.finish()).length).toBe(0);
  });

  it('keeps streams apart', async () => {
    const [a, b] = [vad.stream(), vad.stream()];
    const first = await a.push(speech.slice(0, 32_000));
    await b.push(new Float32Array(32_000).map((_, i) => Math.sin(i)));
    const again = vad.stream();
    expect(await again.push(speech.slice(0, 32_000))).toEqual(first);
  });

  it('says when the pack has none', async () => {
    const without = { ...pack, manifest: { name: 'spec' } as PackManifest };
    await expect(createVad({ pack: without })).rejects.toMatchObject({ code: 'model_missing' });
    expect(readFileSync(model).length).toBeGreaterThan(0);
  });
});
