import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DecodeEvent, DecodeRequest, Segment } from '#contracts';
import { createDecoder, type Decoder } from '#decoder';
import { loadConfig } from '#platform';
import { defaultPack } from '../support/decoder.js';

type Done = Extract<DecodeEvent, { type: 'done' }>;

const HIDDEN = 576;
const text = (value: string, special = false) => ({ type: 'text' as const, text: value, special });
const segment = (...parts: Segment['parts']): Segment => ({ parts, span: { mediumId: 'a'.repeat(64) }, quote: '' });
const PREFIX = [text('<|im_start|>user\nHere is the timeline of a video.\n', true)];
const question = (words: string) => [text(`\n${words}<|im_end|>\n<|im_start|>assistant\n`, true)];

/** A timeline of its own for each number. */
function timeline(n: number, segments = 2): DecodeRequest {
  return {
    prefix: PREFIX,
    segments: Array.from({ length: segments }, (_, i) =>
      segment(
        text(
          `[00:0${i}] Number ${n} of ${i} is ${i === 0 ? 'written on a red wall' : 'on the door'}.\n[00:09] A dog sleeps.\n`,
        ),
      ),
    ),
    question: question('What is written on the wall?'),
    sampling: { maxTokens: 12 },
  };
}

describe('decoder', () => {
  let decoder: Decoder;
  let folder: string;
  const open = async (options: { kvDiskBytes?: number; kvMemoryBytes?: number } = {}): Promise<Decoder> =>
    createDecoder({
      pack: await defaultPack(),
      cacheDir: loadConfig().cacheDir,
      kvDir: folder,
      kvMemoryBytes: options.kvMemoryBytes ?? 256e6,
      kvDiskBytes: options.kvDiskBytes ?? 0,
      threads: 2,
    });
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tessera-kv-'));
    decoder = await open();
  });
  afterAll(async () => {
    await decoder.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  async function answer(request: DecodeRequest, signal?: AbortSignal, by = decoder): Promise<Done> {
    let done: Done | undefined;
    for await (const event of by.generate(request, signal)) if (event.type === 'done') done = event;
    return done!;
  }

  it('answers the same alone and beside others, and says what it read', async () => {
    const alone = await answer(timeline(1));
    expect(alone.usage.promptTokens).toBe(alone.usage.selectedTokens);
    expect(alone.evidence).toHaveLength(2);
    expect(alone.evidence.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    const again = await answer(timeline(1));
    expect(again.text).toBe(alone.text);
    expect(again.usage.cachedTokens).toBe(
      again.usage.promptTokens - decoder.countTokens('\nWhat is written on the wall?') - 6,
    );
    const [beside] = await Promise.all([1, 2, 3, 4].map((n) => answer(timeline(n))));
    expect(beside!.text).toBe(alone.text);
  });

  it('keeps the faults of some of 32 sequences from the others', async () => {
    // NaN in a segment, what becomes NaN on the way in a question, a schema that cannot be, an empty question.
    const rows = (value: number) => ({
      type: 'embeddings' as const,
      data: new Float32Array(16 * HIDDEN).fill(value),
      rows: 16,
      hash: `faulty ${value}`,
    });
    const faults: ((request: DecodeRequest) => DecodeRequest)[] = [
      (request) => ({ ...request, segments: [segment(rows(NaN))] }),
      (request) => ({ ...request, question: [rows(Infinity), ...request.question] }),
      (request) => ({ ...request, sampling: { ...request.sampling, jsonSchema: { not: {} } } }),
      (request) => ({ ...request, question: [] }),
    ];
    const expected = new Map<number, string>();
    for (const n of [0, 1, 2]) expected.set(n, (await answer(timeline(n))).text);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 32 }, (_, i) => {
        if (i % 4 === 3) return answer(faults[(i >> 2) % faults.length]!(timeline(i)));
        const controller = new AbortController();
        const cancelled = i % 8 === 2;
        const running = answer(
          { ...timeline(cancelled ? i : i % 3), priority: i % 2 ? 'batch' : 'interactive' },
          controller.signal,
        );
        if (cancelled) setTimeout(() => controller.abort(), 30 + 10 * i);
        return running;
      }),
    );
    outcomes.forEach((outcome, i) => {
      if (i % 4 === 3) {
        expect(outcome.status).toBe('rejected');
        const code = ['decoder_failed', 'decoder_failed', 'schema_not_supported', 'invalid_request'][(i >> 2) % 4];
        expect((outcome as PromiseRejectedResult).reason).toMatchObject({ code });
      } else if (i % 8 !== 2) {
        expect(outcome).toMatchObject({ status: 'fulfilled', value: { text: expected.get(i % 3) } });
      }
    });
    const { running, pool } = await decoder.stats();
    expect({ running, pinned: pool.pinnedPages }).toEqual({ running: 0, pinned: 0 });
  });

  it('writes several answers side by side, alone as beside others, and gives the likeliest at its end', async () => {
    const several = (n: number, beams = 3): DecodeRequest => ({ ...timeline(n), sampling: { maxTokens: 12, beams } });
    const heard: string[] = [];
    for await (const event of decoder.generate(several(1))) if (event.type === 'token') heard.push(event.text);
    const alone = await answer(several(1));
    expect(heard.join('')).toBe(alone.text);
    expect(alone.timings.decodeMs).toBeGreaterThan(5);
    expect(alone.evidence.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    const nothing = segment({ type: 'embeddings', data: new Float32Array(HIDDEN).fill(NaN), rows: 1, hash: 'beams' });
    const faulty = expect(answer({ ...several(2), segments: [nothing] })).rejects.toMatchObject({ code: 'decoder_failed' }); // prettier-ignore
    const controller = new AbortController();
    const endless = { ...several(3), sampling: { maxTokens: 500, beams: 4, logitBias: { '2': -100 } } };
    const cancelled = expect(answer(endless, controller.signal)).rejects.toMatchObject({ code: 'cancelled' });
    setTimeout(() => controller.abort(), 50);
    const texts = await Promise.all([several(1), timeline(1), several(2, 8), several(1, 1)].map(async (each) => (await answer(each)).text)); // prettier-ignore
    await Promise.all([faulty, cancelled]);
    expect([texts[0], texts[3]]).toEqual([alone.text, texts[1]]);
    for (const sampling of [{ temperature: 1 }, { stop: ['a'] }, { logprobs: 1 }, { jsonSchema: {} }])
      await expect(answer({ ...timeline(1), sampling: { ...sampling, beams: 2 } })).rejects.toMatchObject({ code: 'invalid_request' }); // prettier-ignore
    const { running, pool } = await decoder.stats();
    expect({ running, pinned: pool.pinnedPages }).toEqual({ running: 0, pinned: 0 });
  });

  it('writes anew, side by side, what lost its memory to somebody who is in a hurry', async () => {
    const small = await open({ kvMemoryBytes: 4e6 });
    const slow: DecodeRequest = { ...timeline(12, 5), sampling: { maxTokens: 60, beams: 2, logitBias: { '2': -100 } }, priority: 'batch' }; // prettier-ignore
    const alone = await answer(slow, undefined, small);
    const order: string[] = [];
    const said = async (name: string, request: DecodeRequest): Promise<string> => {
      const { text } = await answer(request, undefined, small);
      order.push(name);
      return text;
    };
    const again = said('slow', slow);
    await expect.poll(async () => (await small.stats()).pool.pinnedPages).toBeGreaterThan(0);
    await Promise.all([14, 15].map((n) => said('quick', timeline(n, 6))));
    expect([await again, order]).toEqual([alone.text, ['quick', 'quick', 'slow']]);
    await small.dispose();
  });

  it('answers within a JSON schema', async () => {
    const jsonSchema = {
      type: 'object',
      properties: { colour: { enum: ['red', 'blue'] }, animals: { type: 'integer' } },
      required: ['colour', 'animals'],
      additionalProperties: false,
    };
    const done = await answer({ ...timeline(5), sampling: { maxTokens: 40, jsonSchema } });
    expect(['red', 'blue']).toContain((JSON.parse(done.text) as { colour: string }).colour);
  });

  it('stops within a step when cancelled, and frees everything', async () => {
    const controller = new AbortController();
    const events = decoder.generate(
      { ...timeline(6), sampling: { maxTokens: 2000, logitBias: { '2': -100 } } },
      controller.signal,
    );
    let tokens = 0;
    await expect(async () => {
      for await (const event of events) if (event.type === 'token' && ++tokens === 3) controller.abort();
    }).rejects.toMatchObject({ code: 'cancelled' });
    expect(tokens).toBe(3);
    const { running, pool } = await decoder.stats();
    expect({ running, pinned: pool.pinnedPages }).toEqual({ running: 0, pinned: 0 });
  });

  it('spoils nothing of the others when many are cancelled in the middle of steps', async () => {
    const alone = await Promise.all([1, 2, 3].map(async (n) => (await answer(timeline(n))).text));
    let over = false;
    // A word that is heard of is answered by a cancellation in the middle of the next step.
    const disturb = async (patience: number): Promise<void> => {
      const endless = { ...timeline(1 + (patience % 3)), sampling: { maxTokens: 500, logitBias: { '2': -100 } } };
      while (!over) {
        const controller = new AbortController();
        let tokens = 0;
        await expect(async () => {
          for await (const event of decoder.generate(endless, controller.signal))
            if (event.type === 'token' && ++tokens === patience) controller.abort();
        }).rejects.toMatchObject({ code: 'cancelled' });
      }
    };
    const others = [1, 2, 3, 5].map(disturb);
    for (let round = 0; round < 3; round++) {
      const texts = await Promise.all([1, 2, 3].map(async (n) => (await answer(timeline(n))).text));
      expect(texts).toEqual(alone);
    }
    over = true;
    await Promise.all(others);
    await expect.poll(async () => (await decoder.stats()).running).toBe(0);
    expect((await decoder.stats()).pool.pinnedPages).toBe(0);
  });

  it('selects pages when the material is longer than the budget, per request', async () => {
    const many = timeline(7, 9);
    many.segments = many.segments.flatMap((_, i) => timeline(20 + i, 4).segments);
    const all = await answer({ ...many, selectedTokens: 8192 });
    expect(all.usage.selectedTokens).toBe(all.usage.promptTokens);
    const some = await answer({ ...many, selectedTokens: 256 });
    expect(some.usage.selectedTokens).toBeLessThan(340);
    const few = await answer({ ...many, selectedTokens: 32 });
    expect(some.usage.promptTokens).toBe(all.usage.promptTokens);
    expect(few.evidence.filter((share) => share > 0).length).toBeLessThan(few.evidence.length);
    // A budget that just fits goes the way of selection only if it must: both ways read the same.
    const exact = await answer({ ...many, selectedTokens: 8192, prior: many.segments.map(() => 0) });
    expect(exact.text).toBe(all.text);
  });

  it('reads of more than memory holds what tells most, and finds it again', async () => {
    const small = await open({ kvMemoryBytes: 4e6 });
    const { pool } = await small.stats();
    const long = timeline(11, 24);
    await expect(answer(long, undefined, small)).rejects.toMatchObject({ code: 'context_too_long' });
    const prior = long.segments.map((_, i) => (i === 17 ? 2 : 0));
    const few = await answer({ ...long, prior, enoughTokens: 100 }, undefined, small);
    expect(few.usage.promptTokens).toBeLessThan(100 + 80);
    expect(few.evidence).toHaveLength(24);
    expect(few.evidence[17]).toBeGreaterThan(0);
    const more = await answer({ ...long, enoughTokens: 1000 }, undefined, small);
    expect(more.usage.promptTokens).toBeGreaterThan(few.usage.promptTokens);
    expect(more.usage.promptTokens).toBeLessThan(16 * pool.totalPages);
    const again = await answer({ ...long, enoughTokens: 0 }, undefined, small);
    expect(again.usage.promptTokens).toBe(more.usage.promptTokens);
    expect(again.usage.cachedTokens).toBeGreaterThan(few.usage.cachedTokens);
    await small.dispose();
  });

  it('reads material that repeats itself where what is different in it fits', async () => {
    // 16 MB hold some 1,300 tokens.
    const small = await open({ kvMemoryBytes: 16e6 });
    const words = Array.from({ length: 200 }, (_, i) => `word ${i % 7}`).join(' ');
    const same = segment(text(`${words}\n`));
    const request = { ...timeline(5), segments: [same, same, same, same, same, same, ...timeline(5).segments] };
    expect((await answer(request, AbortSignal.timeout(60_000), small)).text).not.toBe('');
    await small.dispose();
  });

  it('reads no more of the material than positions reach, and says what was read', async () => {
    const { usage } = await answer({ ...timeline(6, 400), selectedTokens: 65_536, sampling: { maxTokens: 4 } });
    expect(usage.promptTokens).toBeGreaterThan(8192);
    expect(usage.selectedTokens).toBeLessThanOrEqual(8192);
    const none = await answer({ ...timeline(6, 400), selectedTokens: 0, sampling: { maxTokens: 4 } });
    expect(none.usage.selectedTokens).toBeLessThan(100);
    const long = question(Array.from({ length: 2600 }, (_, i) => `n${i % 10}`).join(' '));
    await expect(answer({ ...timeline(6), prefix: [text('a '.repeat(3900))], question: long })).rejects.toMatchObject({
      code: 'context_too_long',
    });
  });

  it('reads a long question beside an answer that goes on, and gives the same as alone', async () => {
    const long = {
      ...timeline(7),
      question: question(`${'It is a long story. '.repeat(150)}What is written on the wall?`),
    };
    const alone = await answer(long);
    const waits: number[] = [];
    let last = performance.now();
    let reading = true;
    const beside = (async () => {
      for await (const event of decoder.generate({
        ...timeline(8),
        drafts: false,
        sampling: { maxTokens: 200, logitBias: { 2: -100 } },
      }))
        if (event.type === 'token') {
          if (reading) waits.push(performance.now() - last);
          last = performance.now();
        }
    })();
    const together = await answer(long);
    reading = false;
    await beside;
    expect(together.text).toBe(alone.text);
    // A chunk of it is a fraction of the whole: tokens came in between.
    expect(waits.length).toBeGreaterThan(3);
    const selected = { ...long, ...{ segments: timeline(7, 60).segments, selectedTokens: 256 } };
    expect((await answer(selected)).text).toBe((await answer(selected)).text);
  });

  it('finds yesterday’s media on disk', async () => {
    const first = await open({ kvDiskBytes: 100e6 });
    const before = await answer(timeline(8), undefined, first);
    await first.dispose();
    const second = await open({ kvDiskBytes: 100e6 });
    const after = await answer(timeline(8), undefined, second);
    await second.dispose();
    expect(after.text).toBe(before.text);
    expect(before.usage.cachedTokens).toBe(0);
    expect(after.usage.cachedTokens).toBeGreaterThan(60);
  });

  it('comes back when its thread dies, and says that trying again helps', async () => {
    const own = await open();
    const running = answer({ ...timeline(9), sampling: { maxTokens: 500, logitBias: { '2': -100 } } }, undefined, own);
    setTimeout(() => (own as unknown as { crash(): void }).crash(), 300);
    await expect(running).rejects.toMatchObject({ code: 'decoder_failed', transient: true });
    expect((await answer(timeline(9), undefined, own)).text.length).toBeGreaterThan(0);
    await own.dispose();
  });
});
