import { expect, test } from 'vitest';
import { Sampling, type DecodeEvent, type DecodeRequest, type JobPayload } from '#contracts';
import { decode, HeldTokens, type Reader, type Token } from './decode.js';

function handedOn(texts: string[], flush: boolean): string[] {
  const emitted: string[] = [];
  const refusal = "I can't find that.";
  const tokens = new HeldTokens(
    ({ text }: Token) => emitted.push(text),
    (text) => refusal.startsWith(text.trim()),
  );
  for (const text of texts) tokens.push({ type: 'token', text });
  if (flush) tokens.flush();
  return emitted;
}

test('a refusal is kept back, and what only begins like one is handed on whole', () => {
  expect(handedOn(['I', " can't", ' find', ' that.'], false)).toEqual([]);
  expect(handedOn(['I', ' am', ' here.'], false)).toEqual(['I', ' am', ' here.']);
  expect(handedOn(['I', " can't"], true)).toEqual(['I', " can't"]);
});

/** What the decoder is asked of a sequence with these habits. */
async function samplingOf(sampling: object, habits: object, reads = 'embeddings') {
  let asked: DecodeRequest | undefined;
  async function* generate(request: DecodeRequest): AsyncGenerator<DecodeEvent> {
    asked = request;
    yield await Promise.resolve({ type: 'prefill', done: 1, total: 1 });
  }
  const reader = { models: { decoder: () => Promise.resolve({ reads, generate }) } } as unknown as Reader;
  const payload = { sampling: { ...Sampling.omit({ beams: true }).parse({}), ...sampling } } as JobPayload<'answer'>;
  const sequence = { prefix: [], segments: [], question: [], maxTokens: 9, ...habits };
  const telling = { emit: () => undefined, signal: new AbortController().signal, priority: 'interactive' as const };
  await expect(decode(reader, payload, sequence, telling)).rejects.toThrow('without a result');
  return asked?.sampling;
}

test.each([
  [undefined, 1.5],
  [0, 0],
])('a prompt says what repeated words cost, unless the request does: %s', async (presencePenalty, cost) => {
  const sampling = await samplingOf({ presencePenalty }, { presencePenalty: 1.5 });
  expect(sampling).toMatchObject({ presencePenalty: cost, maxTokens: 256 });
});

test('captions are written side by side, unless the request asks for what only one can have', async () => {
  expect(await samplingOf({}, { beams: 2 })).toMatchObject({ beams: 2 });
  for (const asked of [{ temperature: 0.5 }, { stop: ['.'] }, { logprobs: 0 }, { jsonSchema: {} }])
    expect(await samplingOf(asked, { beams: 2 })).not.toHaveProperty('beams');
});

test.each([
  ['embeddings', undefined, { 7: -1 }],
  ['embeddings', { 8: 2 }, { 7: -1, 8: 2 }],
  ['embeddings', { 7: 0 }, { 7: 0 }],
  ['pictures', undefined, undefined],
])(
  "a pack's bias is its own decoder's, and the request's goes before it: %s, %j",
  async (reads, logitBias, expected) => {
    const sampling = await samplingOf({ logitBias }, { logitBias: { 7: -1 } }, reads);
    expect(sampling?.logitBias).toEqual(expected);
  },
);
