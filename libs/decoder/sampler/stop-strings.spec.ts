import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StopStrings } from './stop-strings.js';

function stream(stops: string[], pieces: string[]): { text: string; stopped: boolean; shown: string[] } {
  const matcher = new StopStrings(stops);
  const shown: string[] = [];
  for (const piece of pieces) {
    const { text, stopped } = matcher.push(piece);
    shown.push(text);
    if (stopped) return { text: shown.join(''), stopped, shown };
  }
  shown.push(matcher.end());
  return { text: shown.join(''), stopped: false, shown };
}

describe('StopStrings', () => {
  it('tells nothing of what the last token begins after a stop string', () => {
    const stop = new StopStrings(['! ']);
    expect(stop.push('Hi! ')).toEqual({ text: 'Hi', stopped: true });
    expect(stop.push('\ufffd')).toEqual({ text: '', stopped: true });
    expect(stop.end()).toBe('');
  });

  it('stops across token boundaries and holds back what may begin a stop string', () => {
    expect(stream(['END'], ['one E', 'N', 'D two'])).toEqual({ text: 'one ', stopped: true, shown: ['one ', '', ''] });
    expect(stream(['END'], ['one E', 'N', 'ough'])).toMatchObject({
      shown: ['one ', '', 'ENough', ''],
      stopped: false,
    });
    expect(stream(['END'], ['one EN'])).toMatchObject({ text: 'one EN', stopped: false });
  });

  it('takes the stop string that begins first', () => {
    expect(stream(['b', 'abc'], ['xabc'])).toMatchObject({ text: 'x', stopped: true });
  });

  it('shows the text up to the first stop string, however it is cut', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 30 });
    const stop = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 4 });
    fc.assert(
      fc.property(text, fc.array(stop, { maxLength: 3 }), fc.array(fc.nat(30)), (whole, stops, cuts) => {
        const at = [0, ...cuts.filter((cut) => cut < whole.length).sort((a, b) => a - b), whole.length];
        const pieces = at.slice(1).map((end, i) => whole.slice(at[i], end));
        const real = stops.filter((s) => s !== '');
        // The first stop string to be complete ends generation; of those complete at that point the earliest start counts.
        const ends = real.map((s) => whole.indexOf(s)).filter((i) => i >= 0);
        const result = stream(stops, pieces);
        expect(result.stopped).toBe(ends.length > 0);
        if (ends.length === 0) expect(result.text).toBe(whole);
        else {
          expect(whole.startsWith(result.text)).toBe(true);
          for (const s of real) expect(result.text).not.toContain(s);
          expect(real.some((s) => whole.startsWith(s, result.text.length))).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
