import { expect, test } from 'vitest';
import type { JobPayload, Medium } from '#contracts';
import type { Line } from '../compose/lines.js';
import { segmentLines } from '../compose/segments.js';
import type { Reader } from './decode.js';
import { askSegments } from './timeline.js';

const medium: Medium = { id: 'a'.repeat(64), kind: 'audio', name: 'talk.mp3', mimeType: 'audio/mpeg', bytes: 1, tracks: [] }; // prettier-ignore
const said = (start: number, quote: string): Line => ({
  text: `[00:${String(start).padStart(2, '0')}] ${quote}\n`,
  span: { mediumId: medium.id, start, end: start + 3 },
  quote,
  kind: 'said',
});
const lines = [
  said(1, 'Good day.'),
  said(5, 'Hello there.'),
  said(9, 'The harbor bridge is open to cars only.'),
  said(13, 'Thank you all.'),
  said(17, 'See you soon.'),
];

/** What is streamed of an answer that the decoder writes in these tokens, and what the answer is in the end. */
async function streamed(question: string, tokens: string[]) {
  const prompts = {
    not_found: "I can't find that in the material.",
    timeline: { template: 'Timeline.\n{segments}\n{question}', max_new_tokens: 64, segment_tokens: 256 },
  };
  const usage = { promptTokens: 1, selectedTokens: 1, completionTokens: tokens.length, cachedTokens: 0 };
  const timings = { prefillMs: 0, selectMs: 0, firstTokenMs: 0, decodeMs: 0 };
  async function* generate() {
    for (const text of tokens) yield await Promise.resolve({ type: 'token', text });
    yield { type: 'done', text: tokens.join(''), finishReason: 'stop', usage, evidence: [1], timings };
  }
  const reader = {
    models: {
      prompts: () => Promise.resolve(prompts),
      tokenCounter: () => Promise.resolve((text: string) => text.length),
      decoder: () => Promise.resolve({ reads: 'embeddings', generate }),
    },
  } as unknown as Reader;
  const payload = { task: { type: 'ask', question }, sampling: { temperature: 0, stop: [] }, inputs: [medium.name] } as unknown as JobPayload<'answer'>; // prettier-ignore
  const whole = segmentLines(lines, (text) => text.length, 256);
  const told: string[] = [];
  const answer = await askSegments(
    reader,
    { payload, whole, media: new Map([[medium.id, medium]]), question, started: 0 },
    {
      emit: (event) => event.type === 'token' && told.push(event.text),
      signal: new AbortController().signal,
      priority: 'interactive',
    },
  );
  return { told: told.join(''), text: answer.text };
}

const QUOTED = 'It is said: “The harbor bridge is open to cars only.”';

test.each([
  ['Is the harbor bridge open?', ['No', 'thing', ' here.'], QUOTED],
  ['What may use the open harbor bridge?', ['A', ' car', 'pet', ' shop', '.'], QUOTED],
  ['Who sang?', ['At', ' 00:', '12', '.', ' '], "I can't find that in the material."],
  ['Is the harbor bridge open?', ['No', ',', ' not', ' at', ' all.'], 'No, not at all.'],
  ['What may use the open harbor bridge?', ['Only', ' car', 's', '.'], 'Only cars.'],
])('one answer is told, however its words come in tokens: %s %j', async (question, tokens, expected) => {
  const { told, text } = await streamed(question, tokens);
  expect(told).toBe(text);
  expect(text).toBe(expected);
});
