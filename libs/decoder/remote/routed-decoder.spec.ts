import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { TesseraError, type DecodeEvent, type DecodeRequest } from '#contracts';
import type { LanguageModel } from './language-model.js';
import { RoutedDecoder } from './routed-decoder.js';

const away = () => new TesseraError('decoder_failed', 'No connection established.');

/** A decoder that says its own name, in two tokens. */
class Named implements LanguageModel {
  readonly reads = 'embeddings';
  fails: 'never' | 'at once' | 'later' | 'for good' = 'never';
  asked = 0;
  disposed = false;
  hold: Promise<void> | undefined;

  constructor(readonly name: string) {}

  async *generate(): AsyncGenerator<DecodeEvent> {
    this.asked++;
    if (this.fails === 'at once') throw away();
    if (this.fails === 'for good') throw new TesseraError('context_too_long', 'Too long.');
    yield { type: 'token', text: this.name };
    await this.hold;
    if (this.fails === 'later') throw away();
  }

  async dispose(): Promise<void> {
    this.disposed = true;
  }
}

const about = (mediumId?: string): DecodeRequest => ({
  prefix: [],
  segments: mediumId === undefined ? [] : [{ parts: [], span: { mediumId }, quote: '' }],
  question: [],
  sampling: {},
});

let decoders: Named[];
let routed: RoutedDecoder;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
  decoders = ['a', 'b', 'c'].map((name) => new Named(name));
  routed = new RoutedDecoder(
    decoders.map((model) => ({ name: model.name, model })),
    [10, 50],
  );
});
afterEach(() => void vi.useRealTimers());

async function asked(request: DecodeRequest, signal?: AbortSignal): Promise<string> {
  let text = '';
  for await (const event of routed.generate(request, signal)) if (event.type === 'token') text += event.text;
  return text;
}
const named = (name: string) => decoders.find((decoder) => decoder.name === name)!;

test('a medium stays with one decoder, media are spread over all', async () => {
  const media = Array.from({ length: 60 }, (_, i) => `medium ${i}`);
  const first = new Map<string, string>();
  for (const medium of media) first.set(medium, await asked(about(medium)));
  for (const medium of media) expect(await asked(about(medium))).toBe(first.get(medium));
  expect(new Set(first.values())).toEqual(new Set(['a', 'b', 'c']));
});

test('one that is away is left out, asked again later, and takes its media back', async () => {
  const home = named(await asked(about('film')));
  home.fails = 'at once';
  const stand = await asked(about('film'));
  expect(stand).not.toBe(home.name);
  const before = home.asked;
  expect(await asked(about('film'))).toBe(stand);
  expect(home.asked).toBe(before);

  home.fails = 'never';
  vi.setSystemTime(Date.now() + 5_001);
  expect(await asked(about('film'))).toBe(home.name);
});

test('an answer that broke off is not begun again under its reader; the next try goes to another decoder', async () => {
  const home = named(await asked(about('film')));
  home.fails = 'later';
  await expect(asked(about('film'))).rejects.toMatchObject({ code: 'decoder_failed' });
  expect(await asked(about('film'))).not.toBe(home.name);
});

test('when none can be reached they are asked for some seconds, and whoever comes back answers', async () => {
  for (const decoder of decoders) decoder.fails = 'at once';
  const waiting = asked(about('film'));
  await vi.waitUntil(() => decoders.every((decoder) => decoder.asked > 0));
  named('b').fails = 'never';
  expect(await waiting).toBe('b');

  named('b').fails = 'at once';
  const before = named('b').asked;
  await expect(asked(about('film'))).rejects.toMatchObject({ code: 'decoder_failed' });
  expect(named('b').asked).toBe(before + 3);
});

test('whoever goes away waits for none of them', async () => {
  for (const decoder of decoders) decoder.fails = 'at once';
  const leave = new AbortController();
  const left = asked(about('film'), leave.signal);
  leave.abort();
  await expect(left).rejects.toMatchObject({ code: 'cancelled' });
});

test('what is about no medium goes to the one that does least, and other errors are the caller’s', async () => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  for (const decoder of decoders) decoder.hold = held;
  const three = [1, 2, 3].map(() => asked(about()));
  await vi.waitUntil(() => decoders.every((decoder) => decoder.asked > 0));
  expect(decoders.map((decoder) => decoder.asked)).toEqual([1, 1, 1]);
  release();
  expect((await Promise.all(three)).sort()).toEqual(['a', 'b', 'c']);

  named('a').fails = 'for good';
  const others = [named('b').asked, named('c').asked];
  await expect(asked(about())).rejects.toMatchObject({ code: 'context_too_long' });
  expect([named('b').asked, named('c').asked]).toEqual(others);
  await routed.dispose();
  expect(decoders.every(({ disposed }) => disposed)).toBe(true);
});
