import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { TesseraError, type DecodeRequest, type JobResult } from '#contracts';
import type { Stage } from '../context.js';
import { ReadAhead } from './read-ahead.js';

type Composed = JobResult<'media.compose'>;

const IDLE_MS = 20;
const MEDIUM_ID = 'a'.repeat(64);

const talk = (segments: string, more: Partial<Composed> = {}): Composed => ({
  medium: { id: MEDIUM_ID, kind: 'audio', name: 'talk.mp3', mimeType: 'audio/mpeg', bytes: 1000, tracks: [] },
  segments,
  count: 2,
  ...more,
});

/** A decoder that takes `ms` for a request, and what it was asked. */
function bench(ms: number, { writer = 'nano', fails = false, words = ['one', 'two'] } = {}) {
  const asked: { text: string; request: DecodeRequest; ended: 'done' | 'stopped' }[] = [];
  const generate = async function* (request: DecodeRequest, signal?: AbortSignal) {
    const [first] = request.segments[0]?.parts ?? [];
    const each = { text: first?.type === 'text' ? first.text : '', request, ended: 'stopped' as 'done' | 'stopped' };
    asked.push(each);
    await sleep(ms, undefined, { signal });
    if (fails) throw new TesseraError('context_too_long', 'too long');
    each.ended = 'done';
    yield { type: 'done' as const, text: '' };
  };
  const timeline = (blob: string) =>
    words.map((word) => ({
      parts: [{ type: 'text', text: `${blob} ${word}` }],
      span: { mediumId: MEDIUM_ID },
      quote: word,
      lines: [{ text: `${blob} ${word}`, quote: word, kind: 'said', span: { mediumId: MEDIUM_ID } }],
    }));
  const prompts = { timeline: { template: 'Material: {segments} Question: {question}', max_new_tokens: 8 } };
  const stage = {
    blobs: { get: (blob: string) => Promise.resolve(Buffer.from(JSON.stringify(timeline(blob)))) },
    models: {
      writer,
      pack: { id: 'nano' },
      prompts: () => Promise.resolve(prompts),
      decoder: () => Promise.resolve({ generate }),
    },
  } as unknown as Stage;
  return { ahead: new ReadAhead(stage, IDLE_MS), asked };
}

const compose = (ahead: ReadAhead, composed: Composed): Promise<void> =>
  ahead.during(() => Promise.resolve(ahead.add(composed)));

/** Waits until this is what the decoder was asked. */
const told = (asked: ReturnType<typeof bench>['asked'], expected: [text: string, ended: string][]): Promise<void> =>
  vi.waitFor(() => expect(asked.map(({ text, ended }) => [text, ended])).toEqual(expected), {
    timeout: 10_000,
    interval: 2,
  });

it('reads a timeline once, as work that can wait, when nothing else is to be done', async () => {
  const { ahead, asked } = bench(1);
  await compose(ahead, talk('first'));
  expect(asked).toHaveLength(0);
  await told(asked, [['first one', 'done']]);
  expect(asked[0]?.request).toMatchObject({ priority: 'batch', sampling: { maxTokens: 1 } });
  // Of what is more than memory holds, all that fits.
  expect(asked[0]?.request.enoughTokens).toBeGreaterThan(1e9);
  await compose(ahead, talk('first'));
  await sleep(8 * IDLE_MS);
  expect(asked).toHaveLength(1);
  await ahead.close();
});

it('begins a long timeline with a part that is large enough to choose from', async () => {
  const { ahead, asked } = bench(1, { words: Array.from({ length: 40 }, (_, i) => `word ${i}`) });
  await compose(ahead, talk('film'));
  await told(asked, [
    ['film word 0', 'done'],
    ['film word 0', 'done'],
  ]);
  expect(asked.map(({ request }) => request.segments.length)).toEqual([8, 40]);
  await ahead.close();
});

it('stops for whatever comes in and begins again after it, the newest first', async () => {
  const { ahead, asked } = bench(10 * IDLE_MS);
  await compose(ahead, talk('old'));
  await compose(ahead, talk('new'));
  await told(asked, [['new one', 'stopped']]);
  await ahead.during(() => sleep(2 * IDLE_MS));
  expect(asked).toHaveLength(1);
  await told(asked, [
    ['new one', 'stopped'],
    ['new one', 'done'],
    ['old one', 'done'],
  ]);
  await ahead.close();
});

it('leaves alone what is no work, what others keep, and what the decoder refuses', async () => {
  const picture = { ...talk('picture').medium, kind: 'image' as const };
  const own = bench(1);
  await compose(own.ahead, talk('picture', { medium: picture }));
  await compose(own.ahead, talk('short', { count: 1 }));
  const other = bench(1, { writer: 'http://127.0.0.1/v1 other' });
  await compose(other.ahead, talk('theirs'));
  const full = bench(1, { fails: true });
  await compose(full.ahead, talk('long'));
  await sleep(10 * IDLE_MS);
  expect([own, other, full].map(({ asked }) => asked.length)).toEqual([0, 0, 1]);
  for (const { ahead } of [own, other, full]) await ahead.close();
});

it('does nothing after it was closed', async () => {
  const { ahead, asked } = bench(20 * IDLE_MS);
  await compose(ahead, talk('first'));
  await told(asked, [['first one', 'stopped']]);
  await ahead.close();
  await compose(ahead, talk('second'));
  await sleep(4 * IDLE_MS);
  expect(asked.map(({ ended }) => ended)).toEqual(['stopped']);
});
