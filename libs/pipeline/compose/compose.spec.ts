import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interleave, type Line } from './lines.js';
import { segmentDocument, segmentLines } from './segments.js';
import { timecode } from './timecode.js';

const mediumId = 'b'.repeat(64);
const line = (start: number, text: string): Line => ({
  text,
  span: { mediumId, start, end: start + 1 },
  quote: text.trim(),
});

describe('timecode', () => {
  it.each([
    [0, '00:00'],
    [59.9, '00:59'],
    [61, '01:01'],
    [3599, '59:59'],
    [3600, '1:00:00'],
    [36_061, '10:01:01'],
  ])('%d s is %s', (seconds, text) => {
    expect(timecode(seconds)).toBe(text);
  });
});

describe('interleave', () => {
  it('orders by time and puts what is seen before what is said', () => {
    const seen = [line(0, 'see0'), line(5, 'see5')];
    const said = [line(0, 'say0'), line(3, 'say3'), line(5, 'say5')];
    expect(interleave(seen, said).map(({ text }) => text)).toEqual(['see0', 'say0', 'say3', 'see5', 'say5']);
  });
});

describe('segmentLines', () => {
  const countTokens = (text: string): number => Buffer.byteLength(text);

  it('loses no text, keeps the order and never exceeds the limit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ minLength: 1, maxLength: 80 }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 16, max: 64 }),
        (texts, limit) => {
          const lines = texts.map((text, index) => line(index, `${text}\n`));
          const segments = segmentLines(lines, countTokens, limit);
          const text = segments.flatMap((segment) => segment.lines.map((each) => each.text)).join('');
          expect(text).toBe(lines.map((each) => each.text).join(''));
          for (const segment of segments) {
            const tokens = segment.lines.reduce((sum, each) => sum + countTokens(each.text), 0);
            expect(tokens).toBeLessThanOrEqual(limit);
          }
        },
      ),
    );
  });

  it('quotes the pieces of a line that was cut without its mark', () => {
    const quote = 'one two three four five six seven eight nine ten eleven twelve '.repeat(2).trim();
    const long: Line = { ...line(5, quote), text: `[00:05] ${quote}\n` };
    const pieces = segmentLines([long], (text) => Math.ceil(text.length / 4), 24).flatMap(({ lines }) => lines);
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces[0]!.text).toMatch(/^\[00:05\] one/);
    expect(pieces.map((piece) => piece.quote).join(' ')).toBe(quote);
  });

  it('spans from its first line to its last', () => {
    const [segment] = segmentLines([line(2, 'a\n'), line(7, 'b\n')], countTokens, 100);
    expect(segment?.span).toEqual({ mediumId, start: 2, end: 8 });
  });

  it('cuts a line of megabytes in the time of its length, and lets others run meanwhile', async () => {
    let counted = 0;
    const count = (text: string): number => {
      counted += text.length;
      return Math.ceil(text.length / 4);
    };
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    for (const text of ['word '.repeat(400_000), 'x'.repeat(2_000_000)]) {
      counted = 0;
      const segments = await segmentDocument([line(0, text)], count, 64, new AbortController().signal);
      expect(segments.flatMap((segment) => segment.lines.map((each) => each.text)).join('')).toBe(text);
      expect(counted).toBeLessThan(3 * text.length);
    }
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });

  it('stops when its work is cancelled', async () => {
    const slow = (text: string): number => {
      for (const end = performance.now() + 1; performance.now() < end;);
      return text.length;
    };
    const segments = segmentDocument([line(0, 'word '.repeat(9999))], slow, 64, AbortSignal.timeout(30));
    await expect(segments).rejects.toMatchObject({ code: 'cancelled' });
  });
});
