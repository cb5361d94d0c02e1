import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_REGIONS, RegionDetector, type RegionOptions, type SpeechRegion } from './speech-regions.js';

const RATE = 16_000;
const WINDOW = 512;
const seconds = (count: number) => Math.round((count * RATE) / WINDOW);

function regions(probabilities: number[], options: Partial<RegionOptions> = {}, cut = 7): SpeechRegion[] {
  const detector = new RegionDetector(WINDOW, RATE, { ...DEFAULT_REGIONS, ...options });
  const found: SpeechRegion[] = [];
  for (let at = 0; at < probabilities.length; at += cut)
    found.push(...detector.push(probabilities.slice(at, at + cut)));
  return [...found, ...detector.finish(probabilities.length * WINDOW)];
}
const run = (...parts: [number, number][]) =>
  parts.flatMap(([length, value]) => new Array(seconds(length)).fill(value));
const inSeconds = (found: SpeechRegion[]) =>
  found.map(({ start, end }) => [start / RATE, end / RATE].map((x) => Number(x.toFixed(1))));

describe('RegionDetector', () => {
  it('finds nothing in silence', () => {
    expect(regions(run([10, 0.1]))).toEqual([]);
  });

  it('pads speech, but never beyond the stream or over the middle of a pause', () => {
    expect(inSeconds(regions(run([1, 0], [2, 0.9], [1, 0])))).toEqual([[0.8, 3.2]]);
    expect(inSeconds(regions(run([2, 0.9])))).toEqual([[0, 2]]);
    const close = regions(run([1, 0.9], [0.45, 0], [1, 0.9]), { padding: 0.5 });
    expect(close.length).toBe(2);
    expect(close[0]!.end).toBeLessThanOrEqual(close[1]!.start);
  });

  it('ends with the sound inside the last window', () => {
    const detector = new RegionDetector(WINDOW, RATE);
    detector.push(run([1, 0.9]));
    const samples = seconds(1) * WINDOW - 412;
    expect(detector.finish(samples).map(({ start, end }) => [start, end])).toEqual([[0, samples]]);
  });

  it('lets a short pause and a moderate probability pass, and drops a click', () => {
    expect(regions(run([1, 0.9], [0.3, 0], [1, 0.9])).length).toBe(1);
    expect(regions(run([1, 0.9], [3, 0.4], [1, 0.9])).length).toBe(1);
    expect(regions(run([1, 0], [0.06, 0.9], [1, 0])).length).toBe(0);
  });

  it('splits what is too long at its quietest point', () => {
    const found = regions(run([20, 0.9], [0.2, 0.4], [20, 0.9]));
    expect(found.length).toBe(2);
    expect(found[0]!.end / RATE).toBeCloseTo(20.1, 0);
    expect(found[1]!.start).toBeGreaterThanOrEqual(found[0]!.end);
  });

  it('is the same however the stream is cut, in order, disjoint, and bounded', () => {
    const value = fc.array(fc.tuple(fc.integer({ min: 1, max: 120 }), fc.double({ min: 0, max: 1, noNaN: true })), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(value, fc.integer({ min: 1, max: 50 }), (parts, cut) => {
        const all = parts.flatMap(([length, p]) => new Array<number>(length).fill(p));
        const options = { maxLength: 3 };
        const found = regions(all, options, cut);
        expect(found).toEqual(regions(all, options, 1));
        found.forEach((region, i) => {
          expect(region.start).toBeLessThan(region.end);
          expect(region.start).toBeGreaterThanOrEqual(i === 0 ? 0 : found[i - 1]!.end);
          expect(region.end).toBeLessThanOrEqual(all.length * WINDOW);
          expect((region.end - region.start) / RATE).toBeLessThanOrEqual(3.1);
        });
        const covered = (at: number) => found.some(({ start, end }) => at >= start && at < end);
        let streak = 0;
        all.forEach((p, i) => {
          streak = p >= 0.5 ? streak + 1 : 0;
          // Four windows are 0.13 s, longer than minSpeech.
          if (streak >= 4) expect(covered(i * WINDOW)).toBe(true);
        });
      }),
    );
  });
});
