import { describe, expect, it } from 'vitest';
import type { Utterance } from '#contracts';
import { Pass, type PassOptions } from './pass.js';
import type { Recognition, RecogniseRequest, SpeechVocabulary } from './recognition.js';

const RATE = 16_000;
const vocabulary: SpeechVocabulary = {
  sentenceEnds: [],
  piece: (id) => ` word${id}`,
  decode: (ids) => ids.map((id) => `word${id}`).join(' '),
  encode: (text) => [...text].map((letter) => letter.charCodeAt(0)),
};
/** A stretch whose samples say which it is. */
const sound = (id: number) => new Float32Array(3 * RATE).fill(id / 1000);
const region = (id: number) => ({ start: id * 4 * RATE, end: (id * 4 + 3) * RATE, confidence: 0.9 });
const idOf = (samples: Float32Array) => Math.round(samples[0]! * 1000);

interface Heard {
  pass: Pass;
  asked: RecogniseRequest[];
}
/** A model that says the number of each stretch, and is unsure of those in `unclear`. */
function pass(options: PassOptions = {}, unclear: number[] = []): Heard {
  const asked: RecogniseRequest[] = [];
  const recognise = async (request: RecogniseRequest): Promise<Recognition[]> => {
    asked.push(request);
    // Later batches are done sooner.
    await new Promise((done) => setTimeout(done, 20 - 5 * asked.length));
    return request.utterances.map((samples) => {
      const id = idOf(samples);
      return { tokens: [id], logprobs: [unclear.includes(id) ? -2 : -0.1], looped: false };
    });
  };
  return { pass: new Pass(options, { vocabulary, takesPrompt: false, recognise }), asked };
}
// Loud enough to be left as it is.
const FIRST = 200;
const ids = Array.from({ length: 30 }, (_, i) => FIRST + i);
const addAll = async (target: Pass) => {
  for (const id of ids) await target.add(region(id), sound(id));
  return target.finish();
};

describe('Pass', () => {
  it('decodes fewer together where they are long', async () => {
    const { pass: target, asked } = pass();
    for (const [i, seconds] of [3, 15, 15, 15, 15, 3, 3, 3, 3].entries())
      await target.add(region(FIRST + i), new Float32Array(seconds * RATE).fill((FIRST + i) / 1000));
    await target.finish();
    const lengths = asked.map(({ utterances }) => utterances.map(({ length }) => length / RATE));
    expect(lengths).toEqual([[3], [15, 15, 15], [15, 3, 3], [3, 3]]);
  });

  it('tells how far all is told, through silence too', async () => {
    const heard: number[] = [];
    const { pass: target } = pass({ start: 100, onHeard: (until) => heard.push(until) });
    target.silentUntil(2 * RATE);
    await target.add(region(FIRST), sound(FIRST));
    // What is not recognised yet is not told.
    target.silentUntil(900 * RATE);
    expect(heard).toEqual([102]);
    await target.finish();
    target.silentUntil(1_000 * RATE);
    expect(heard).toEqual([102, 100 + FIRST * 4 + 3, 1_100]);
  });

  it('tells utterances in order, the first from a batch of its own', async () => {
    const told: Utterance[] = [];
    const { pass: target, asked } = pass({ onSegment: (segment) => told.push(segment) });
    const segments = await addAll(target);
    expect(segments.map(({ text }) => text)).toEqual(ids.map((id) => `word${id}`));
    expect(told).toEqual(segments);
    expect(asked[0]!.utterances).toHaveLength(1);
    expect(Math.max(...asked.map(({ utterances }) => utterances.length))).toBe(4);
  });

  it('asks only for what is not remembered, and keeps what is new', async () => {
    const kept = new Map<string, Recognition>();
    const memory = {
      recall: async (key: string) => kept.get(key),
      keep: async (key: string, recognition: Recognition) => void kept.set(key, recognition),
    };
    const first = pass({ memory });
    for (const id of ids.slice(0, 13)) await first.pass.add(region(id), sound(id));
    await first.pass.finish();
    expect(kept.size).toBe(13);
    const second = pass({ memory });
    const segments = await addAll(second.pass);
    expect(second.asked.flatMap(({ utterances }) => utterances.map(idOf)).toSorted()).toEqual(ids.slice(13));
    expect(segments.map(({ text }) => text)).toEqual(ids.map((id) => `word${id}`));
    // Other settings are other texts.
    const third = pass({ memory, words: true });
    await third.pass.add(region(FIRST), sound(FIRST));
    await third.pass.finish();
    expect(third.asked).toHaveLength(1);
  });

  it('leaves out what replacements leave nothing of', async () => {
    const told: Utterance[] = [];
    const replacements = [{ from: `word${FIRST + 1}`, to: '' }];
    const { pass: target } = pass({ replacements, onSegment: (segment) => told.push(segment) });
    for (const id of ids.slice(0, 3)) await target.add(region(id), sound(id));
    expect((await target.finish()).map(({ text }) => text)).toEqual([`word${FIRST}`, `word${FIRST + 2}`]);
    expect(told).toHaveLength(2);
    expect(target.warnings).toEqual([]);
  });

  it('says where speech was left out', async () => {
    const { pass: target } = pass({}, [FIRST + 1, FIRST + 2]);
    expect(await addAll(target)).toHaveLength(ids.length - 2);
    expect(target.warnings).toEqual([expect.stringMatching(/left out.*804\.0–807\.0 s, 808\.0–811\.0 s\.$/)]);
  });

  it('fails as the model fails', async () => {
    const recognise = async (): Promise<Recognition[]> => {
      throw new Error('out of memory');
    };
    const target = new Pass({}, { vocabulary, takesPrompt: false, recognise });
    await expect(addAll(target)).rejects.toThrow('out of memory');
  });
});
