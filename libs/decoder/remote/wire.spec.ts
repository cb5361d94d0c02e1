import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DecodeEvent, DecodeRequest, SequencePart } from '#contracts';
import { DecoderService } from '#rpc';
import { fromGenerateEvent, toGenerateEvent } from './event.js';
import { fromGenerateRequest, toGenerateRequest } from './request.js';

const { Generate } = DecoderService.service;
const sentRequest = (request: DecodeRequest, pack: string) =>
  Generate.requestDeserialize(Generate.requestSerialize(toGenerateRequest(request, pack)));
const sentEvent = (event: DecodeEvent) =>
  fromGenerateEvent(Generate.responseDeserialize(Generate.responseSerialize(toGenerateEvent(event))));

const text = fc.record({
  type: fc.constant('text' as const),
  text: fc.string({ unit: 'grapheme' }),
  special: fc.boolean(),
});
const embeddings = fc.integer({ min: 1, max: 4 }).chain((rows) =>
  fc.record({
    type: fc.constant('embeddings' as const),
    rows: fc.constant(rows),
    data: fc.float32Array({ minLength: rows * 3, maxLength: rows * 3, noNaN: true }),
    hash: fc.string(),
  }),
);
const parts: fc.Arbitrary<SequencePart[]> = fc.array(fc.oneof(text, embeddings), { maxLength: 3 });
const nowhere = { span: { mediumId: '' }, quote: '' };
const request: fc.Arbitrary<DecodeRequest> = fc.array(parts, { maxLength: 3 }).chain((segments) =>
  fc.record({
    prefix: parts,
    segments: fc.constant(segments.map((each) => ({ parts: each, ...nowhere }))),
    question: parts,
    sampling: fc.record({
      maxTokens: fc.integer({ min: 1, max: 8192 }),
      temperature: fc.double({ min: 0, max: 2, noNaN: true }),
      topP: fc.double({ min: 0, max: 1, noNaN: true }),
      topK: fc.nat(100),
      minP: fc.constant(0),
      repetitionPenalty: fc.constant(1.1),
      frequencyPenalty: fc.double({ min: -2, max: 2, noNaN: true }),
      presencePenalty: fc.constant(0),
      seed: fc.maxSafeInteger(),
      stop: fc.array(fc.string(), { maxLength: 3 }),
      logitBias: fc.dictionary(fc.nat(49151).map(String), fc.integer({ min: -100, max: 100 })),
      beams: fc.integer({ min: 1, max: 8 }),
      logprobs: fc.nat(20),
      jsonSchema: fc.constant({ type: 'object', properties: { a: { type: 'string' } } }),
    }),
    priority: fc.constantFrom('interactive' as const, 'batch' as const),
    selectedTokens: fc.integer({ min: 64, max: 65_536 }),
    drafts: fc.boolean(),
    keepBytes: fc.nat(),
    enoughTokens: fc.nat(),
    ...(segments.length === 0 ? {} : { prior: fc.constant(segments.map((_, i) => i / 3)) }),
  }),
);

test('a request comes over the wire as it was, the bits of visual tokens included', () => {
  fc.assert(
    fc.property(request, (sent) => {
      expect(fromGenerateRequest(sentRequest(sent, 'pack'))).toEqual(sent);
    }),
  );
});

test('what is absent stays absent, and defaults are the contract’s', () => {
  const got = fromGenerateRequest(sentRequest({ prefix: [], segments: [], question: [], sampling: {} }, ''));
  expect(got).toEqual({
    prefix: [],
    segments: [],
    question: [],
    priority: 'interactive',
    sampling: expect.objectContaining({ maxTokens: 256, temperature: 0 }),
  });
  expect(got.sampling).not.toHaveProperty('seed');
});

test('events come over the wire as they were', () => {
  const logprob = { token: 'a', logprob: -0.25, top: [{ token: 'b', logprob: -2 }] };
  const events: DecodeEvent[] = [
    { type: 'prefill', done: 64, total: 256 },
    { type: 'token', text: 'Sal' },
    { type: 'token', text: '', logprob },
    {
      type: 'done',
      text: 'Salt.',
      finishReason: 'length',
      usage: { promptTokens: 300, selectedTokens: 200, completionTokens: 3, cachedTokens: 256 },
      evidence: [0.7, 0.1],
      timings: { prefillMs: 1.5, selectMs: 0.5, firstTokenMs: 9, decodeMs: 20 },
    },
  ];
  for (const event of events) expect(sentEvent(event)).toEqual(event);
});

test('what is no request is refused by name', () => {
  const base = { prefix: [], segments: [], question: [], sampling: {} };
  const refused = (change: (message: ReturnType<typeof sentRequest>) => void): string => {
    const message = sentRequest(base, '');
    change(message);
    try {
      fromGenerateRequest(message);
      return 'accepted';
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(refused((m) => (m.sampling = { ...m.sampling!, temperature: 3 }))).toMatch(/^sampling.temperature: /);
  expect(refused((m) => (m.sampling = { ...m.sampling!, jsonSchema: '{' }))).toMatch(/json_schema: is not JSON/);
  expect(refused((m) => (m.prior = [1]))).toMatch(/1 numbers for 0 segments/);
  expect(refused((m) => (m.prefix = [{}]))).toMatch(/neither text nor embeddings/);
  expect(refused((m) => (m.prefix = [{ embeddings: { data: [1, 2, 3], rows: 2, hash: '' } }]))).toMatch(
    /not 2 equal rows/,
  );
});
