import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DecodeEvent, DecodeRequest, Medium } from '#contracts';
import type { Stage } from '#pipeline';
import { readPrompts } from '../../libs/pipeline/models/prompts.js';
import { captionAlong, captionFrames } from '../../libs/pipeline/see/captions.js';
import { halves } from '../../libs/pipeline/see/half-precision.js';
import { keepVisual } from '../../libs/pipeline/see/visual-tokens.js';
import { startApi, type TestApi } from '../support/api.js';

const [rows, d] = [2, 4];
const never = new AbortController().signal;
const PROMPTS = fileURLToPath(new URL('../../packs/nano/prompts.json', import.meta.url));
let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

/** Says which picture it is shown, by its first number, and how many it was asked about. */
class Teller {
  readonly asked: number[] = [];
  constructor(readonly reads: 'embeddings' | 'pictures' = 'embeddings') {}

  async *generate({ segments }: DecodeRequest, signal: AbortSignal): AsyncGenerator<DecodeEvent> {
    const part = segments[0]?.parts[0];
    const first = part?.type === 'embeddings' ? part.data[0]! : NaN;
    this.asked.push(first);
    await new Promise((resolve) => setTimeout(resolve, 5));
    signal.throwIfAborted();
    yield { type: 'done', text: ` picture ${first} ` } as DecodeEvent;
  }
}

const stageWith = (decoder: () => Promise<Teller>): Stage =>
  ({
    ...api,
    models: { decoder, prompts: () => readPrompts(PROMPTS), visualShape: { rows, d }, writer: 'teller' },
  }) as unknown as Stage;
const broken = (): Stage => stageWith(() => Promise.reject(new Error('no decoder')));

/** Visual tokens of as many frames, each of which begins with its number in this film. */
function film(first: number, frames: number): { medium: Medium; tokens: Uint16Array[] } {
  const medium = { id: first.toString(16).padStart(64, '0'), kind: 'video' } as Medium;
  return { medium, tokens: Array.from({ length: frames }, (_, i) => halves(new Float32Array(rows * d).fill(first + i))) }; // prettier-ignore
}

test('what was put into words while a film was seen is not asked again, and the rest is', async () => {
  const { medium, tokens } = film(100, 40);
  const teller = new Teller();
  const blob = await keepVisual(api, tokens);
  {
    await using along = captionAlong(stageWith(async () => teller), medium, never); // prettier-ignore
    for (const frame of [0, 1, ...Array.from({ length: 30 }, (_, i) => i + 5)]) along.add(frame, tokens[frame]!);
    await along.done(blob);
  }
  expect(teller.asked).toHaveLength(32);
  const known = await captionFrames(broken(), medium, { blob, wanted: [1, 5, 34] }, { signal: never });
  expect(known).toEqual(['picture 101', 'picture 105', 'picture 134']);
  const later = new Teller();
  const stage = stageWith(async () => later);
  const progress: number[] = [];
  const all = await captionFrames(stage, medium, { blob, wanted: [0, 2, 3, 5] }, { signal: never, onProgress: (done) => progress.push(done) }); // prettier-ignore
  expect(all).toEqual(['picture 100', 'picture 102', 'picture 103', 'picture 105']);
  expect(later.asked.sort()).toEqual([102, 103]);
  expect(progress).toEqual([3, 4]);
});

test('an engine that looks for itself is asked only about frames that are wanted', async () => {
  const { medium, tokens } = film(200, 2);
  const teller = new Teller('pictures');
  await using along = captionAlong(stageWith(async () => teller), medium, never); // prettier-ignore
  along.add(0, tokens[0]!);
  await along.done(await keepVisual(api, tokens));
  expect(teller.asked).toEqual([]);
});

test('who is put into words along is told of no fault; who needs the captions is', async () => {
  const { medium, tokens } = film(300, 2);
  const blob = await keepVisual(api, tokens);
  {
    await using along = captionAlong(broken(), medium, never);
    along.add(0, tokens[0]!);
    await along.done(blob);
  }
  const asking = captionFrames(broken(), medium, { blob, wanted: [0, 1] }, { signal: never });
  await expect(asking).rejects.toThrow('no decoder');
  const captions = await captionFrames(stageWith(async () => new Teller()), medium, { blob, wanted: [0, 1] }, { signal: never }); // prettier-ignore
  expect(captions).toEqual(['picture 300', 'picture 301']);
});

test('who leaves early, or is cancelled, waits for no caption', async () => {
  const { medium, tokens } = film(400, 100);
  const teller = new Teller();
  const cancelled = new AbortController();
  for (const signal of [never, cancelled.signal]) {
    await using along = captionAlong(stageWith(async () => teller), medium, signal); // prettier-ignore
    for (const [frame, each] of tokens.entries()) along.add(frame, each);
    cancelled.abort();
  }
  expect(teller.asked.length).toBeLessThan(100);
});
