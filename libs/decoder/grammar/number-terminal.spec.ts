import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type NumberLimits, numberTerminal } from './number-terminal.js';
import { type Terminal } from './terminal.js';

const all: NumberLimits = {
  integer: false,
  minimum: -Infinity,
  maximum: Infinity,
  exclusiveMinimum: false,
  exclusiveMaximum: false,
};
function accepts(limits: Partial<NumberLimits>, text: string): boolean {
  let state: Terminal | undefined = numberTerminal({ ...all, ...limits });
  for (const byte of Buffer.from(text)) state = state?.next(byte);
  return state?.final ?? false;
}

describe('numberTerminal', () => {
  it('takes JSON numbers without exponent', () => {
    for (const text of ['0', '-0', '7', '-12', '0.5', '123456789.123456', '123456789012345'])
      expect(accepts({}, text)).toBe(true);
    for (const text of ['', '-', '00', '01', '.5', '1.', '+1', '1e3', '1234567890.5', '0.1234567', '1234567890123456'])
      expect(accepts({}, text)).toBe(false);
    expect(accepts({ integer: true }, '1.0')).toBe(false);
  });

  it('takes what lies within its bounds, and never walks into a dead end', () => {
    const x = fc.oneof(
      fc.integer({ min: -5000, max: 5000 }),
      fc.double({ min: -300, max: 300, noNaN: true }).map((d) => Math.round(d * 1000) / 1000),
    );
    const limits = fc.record({
      integer: fc.boolean(),
      minimum: x,
      maximum: x,
      exclusiveMinimum: fc.boolean(),
      exclusiveMaximum: fc.boolean(),
    });
    fc.assert(
      fc.property(limits, x, fc.nat(), (of, candidate, seed) => {
        const value = of.integer ? Math.round(candidate) : candidate;
        const inside = (v: number) =>
          (of.exclusiveMinimum ? v > of.minimum : v >= of.minimum) &&
          (of.exclusiveMaximum ? v < of.maximum : v <= of.maximum);
        expect(accepts(of, String(value))).toBe(inside(value));
        let state = numberTerminal(of);
        if (state === undefined) {
          expect(inside(value)).toBe(false);
          return;
        }
        for (let text = '', r = seed; ; r = (r * 48271 + 11) % 2147483647) {
          const options = [...Buffer.from('-.0123456789')].filter((byte) => state!.next(byte));
          if (options.length === 0 || (state.final && (r & 3) === 0)) {
            expect([text, state.final, inside(Number(text))]).toEqual([text, true, true]);
            return;
          }
          const byte = options[r % options.length]!;
          text += String.fromCharCode(byte);
          state = state.next(byte)!;
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('knows when nothing lies within', () => {
    expect(numberTerminal({ ...all, minimum: 2, maximum: 1 })).toBeUndefined();
    expect(numberTerminal({ ...all, integer: true, minimum: 0.1, maximum: 0.9 })).toBeUndefined();
    expect(numberTerminal({ ...all, minimum: 0.1234567, maximum: 0.1234567 })).toBeUndefined();
    expect(accepts({ minimum: -9007199254740991, maximum: 9007199254740991, integer: true }, '-42')).toBe(true);
    expect(accepts({ minimum: 1e-7, maximum: 1e21 }, '0.000001')).toBe(true);
  });
});
