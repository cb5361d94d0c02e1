import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Transcript, Utterance } from '../transcript.js';
import { toCaptions } from './captions.js';
import { clock, lrcClock } from './clock.js';
import { formatTranscript } from './format.js';

const transcript = (segments: Utterance[], extra: Partial<Transcript> = {}): Transcript => ({
  language: 'en',
  duration: 9,
  text: segments.map(({ text }) => text).join(' '),
  segments,
  warnings: [],
  ...extra,
});
const two = transcript([
  { start: 0.5, end: 2.25, text: 'Tom & Jerry <3.', avgLogprob: -0.2 },
  { start: 3661.007, end: 3663, text: 'An hour later.' },
]);

describe('clock', () => {
  it('carries rounding over', () => {
    expect(clock(59.9996, ',')).toBe('00:01:00,000');
    expect(clock(360_000.5, '.')).toBe('100:00:00.500');
    expect(lrcClock(6_059.996)).toBe('101:00.00');
  });
});

describe('formatTranscript', () => {
  it('writes srt', () => {
    expect(formatTranscript(two, 'srt')).toBe(
      '1\n00:00:00,500 --> 00:00:02,250\nTom & Jerry <3.\n\n2\n01:01:01,007 --> 01:01:03,000\nAn hour later.\n',
    );
  });

  it('keeps captions of two channels in the order of time', () => {
    const long = 'This is a long sentence of the first speaker, which needs a second caption on the screen.';
    const call = transcript([
      { start: 0, end: 6, text: long, channel: 0 },
      { start: 0.5, end: 2, text: 'Yes.', channel: 1 },
    ]);
    const captions = toCaptions(call.segments);
    expect(captions.map(({ channel }) => channel)).toEqual([0, 1, 0]);
    captions.slice(1).forEach(({ start }, i) => expect(start).toBeGreaterThanOrEqual(captions[i]!.start));
  });

  it('writes vtt with its special letters escaped', () => {
    expect(formatTranscript(two, 'vtt')).toBe(
      'WEBVTT\n\n00:00:00.500 --> 00:00:02.250\nTom &amp; Jerry &lt;3.\n\n01:01:01.007 --> 01:01:03.000\nAn hour later.\n',
    );
  });

  it('writes text, lrc and tsv', () => {
    expect(formatTranscript(two, 'text')).toBe('Tom & Jerry <3. An hour later.');
    expect(formatTranscript(two, 'lrc')).toBe('[00:00.50]Tom & Jerry <3.\n[61:01.01]An hour later.');
    expect(formatTranscript(two, 'tsv')).toBe(
      'start\tend\ttext\n500\t2250\tTom & Jerry <3.\n3661007\t3663000\tAn hour later.',
    );
  });

  it('writes json and verbose_json as OpenAI does, with words and warnings where there are any', () => {
    expect(JSON.parse(formatTranscript(two, 'json'))).toEqual({ text: two.text });
    const words = [{ word: 'Hi.', start: 0, end: 1 }];
    const rich = transcript([{ start: 0, end: 1, text: 'Hi.', words }], { warnings: ['damaged'] });
    expect(JSON.parse(formatTranscript(rich, 'verbose_json'))).toMatchObject({
      task: 'transcribe',
      language: 'en',
      duration: 9,
      segments: [{ id: 0, start: 0, end: 1, text: 'Hi.' }],
      words,
      warnings: ['damaged'],
    });
  });

  it('tells of each segment what the recogniser knew, and leaves out what it did not', () => {
    const repeated = 'and so on '.repeat(20);
    const known = { start: 61.5, end: 63, text: repeated, avgLogprob: -0.2, noSpeechProb: 0.04, tokens: [5, 7, 5] };
    const bare = { start: 63, end: 64, text: 'Yes.' };
    const { segments } = JSON.parse(formatTranscript(transcript([known, bare]), 'verbose_json')) as {
      segments: Record<string, unknown>[];
    };
    expect(segments[0]).toEqual({
      ...{ id: 0, seek: 6150, start: 61.5, end: 63, text: repeated, temperature: 0 },
      ...{ tokens: [5, 7, 5], avg_logprob: -0.2, no_speech_prob: 0.04, compression_ratio: expect.any(Number) },
    });
    // len(text.encode()) / len(zlib.compress(text.encode())) of Python
    expect(segments[0]!['compression_ratio']).toBeCloseTo(200 / 21, 6);
    expect(segments[1]!['compression_ratio']).toBeCloseTo(4 / 12, 6);
    expect(segments[1]).not.toHaveProperty('tokens');
    expect(segments[1]).not.toHaveProperty('avg_logprob');
  });

  it('says which task it was', () => {
    expect(JSON.parse(formatTranscript(two, 'verbose_json', 'translate'))).toMatchObject({ task: 'translate' });
  });

  it('names channels', () => {
    const call = transcript([{ start: 0, end: 1, text: 'Hello?', channel: 1 }]);
    expect(formatTranscript(call, 'vtt')).toContain('<v Channel 2>Hello?');
    expect(formatTranscript(call, 'srt')).toContain('Channel 2: Hello?');
  });

  it('writes an empty transcript', () => {
    expect(formatTranscript(transcript([]), 'srt')).toBe('');
    expect(formatTranscript(transcript([]), 'vtt')).toBe('WEBVTT\n');
  });
});

describe('toCaptions', () => {
  it('cuts a long utterance at its words’ times and balances the lines', () => {
    const words = Array.from({ length: 12 }, (_, i) => ({ word: `word${i}ish`, start: i, end: i + 1 }));
    const captions = toCaptions([{ start: 0, end: 12, text: '', words }]);
    expect(captions.map(({ start, end }) => [start, end])).toEqual([
      [0, 7],
      [7, 12],
    ]);
    expect(captions[0]!.lines.map((line) => line.length)).toEqual([26, 35]);
  });

  it.each([
    ['Japanese', '今日は東京で「猫」を見ました。とても楽しかったです！'],
    ['Chinese', '我们今天去北京（首都）看朋友。'],
    ['Thai', 'สวัสดีครับวันนี้อากาศดี'],
  ])('cuts what is written without spaces at its words: %s', (_language, sentence) => {
    const captions = toCaptions([{ start: 0, end: 30, text: `OK ${sentence.repeat(6)}` }]);
    expect(captions.flatMap(({ lines }) => lines).join('')).toBe(`OK ${sentence.repeat(6)}`);
    for (const { start, end, lines } of captions) {
      expect(end - start).toBeLessThanOrEqual(7);
      expect(lines.length).toBeLessThanOrEqual(2);
      for (const line of lines) {
        expect(line.length).toBeLessThanOrEqual(42);
        expect(line).not.toMatch(/^[。！」）]|[「（]$/);
      }
    }
  });

  it('joins words with times as the text does', () => {
    const words = ['今天', '天气', '很好。', 'OK', 'then.'].map((word, i) => ({ word, start: i, end: i + 1 }));
    const [caption] = toCaptions([{ start: 0, end: 5, text: '今天天气很好。 OK then.', words }]);
    expect(caption?.lines).toEqual(['今天天气很好。 OK then.']);
  });

  it('loses no word, keeps lines short and times in order', () => {
    const segment = fc.record({
      length: fc.double({ min: 0.1, max: 30, noNaN: true }),
      words: fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1, maxLength: 60 }),
    });
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 6 }), (parts) => {
        let at = 0;
        const segments = parts.map(({ length, words }) => ({ start: at, end: (at += length), text: words.join(' ') }));
        const captions = toCaptions(segments);
        expect(captions.flatMap(({ lines }) => lines.join(' ').split(' '))).toEqual(
          parts.flatMap(({ words }) => words),
        );
        captions.forEach((caption, i) => {
          expect(caption.lines.length).toBeLessThanOrEqual(2);
          expect(Math.max(...caption.lines.map((line) => line.length))).toBeLessThanOrEqual(42);
          expect(caption.end).toBeGreaterThanOrEqual(caption.start);
          const next = captions[i + 1];
          if (next) expect(caption.end).toBeLessThanOrEqual(next.start + 1e-9);
        });
      }),
    );
  });
});
