import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lastingFrames } from './frame-selection.js';

const size = 16;
const frame = (t: number, grey: number) => ({ t, rgb: new Uint8Array(size * size * 3).fill(grey) });

async function kept(looks: ReturnType<typeof frame>[], spacing = 0): Promise<number[]> {
  const source = (async function* () {
    yield* looks;
  })();
  const times: number[] = [];
  const over: number[] = [];
  // The pixels of a frame that was dropped are gone, as in earnest.
  const drop = (each: ReturnType<typeof frame>): void => {
    over.push(each.t);
    each.rgb = new Uint8Array(0);
  };
  for await (const { t, rgb } of lastingFrames(source, { size, spacing, gap: 4, drop })) {
    expect(rgb.length).toBe(size * size * 3);
    times.push(t);
  }
  // Each is kept once or dropped once.
  expect([...times, ...over].sort((a, b) => a - b)).toEqual(looks.map(({ t }) => t));
  return times;
}

test('a cut right after a look is not missed', async () => {
  expect(await kept([frame(0, 10), frame(4, 10), frame(4.3, 90), frame(8.3, 90)])).toEqual([0, 4.3]);
});

test('flashes are passed over, and what comes after them is kept', async () => {
  expect(await kept([frame(0, 10), frame(1, 90), frame(1.2, 20), frame(1.4, 200), frame(5, 200)])).toEqual([0, 1.4]);
});

test('a small change that stays is kept at its time', async () => {
  expect(await kept([frame(0, 10), frame(3, 16), frame(7, 16), frame(11, 16)])).toEqual([0, 3]);
});

test('what moves all the time is kept every few seconds', async () => {
  const looks = Array.from({ length: 60 }, (_, i) => frame(i * 0.2, 10 + 4 * i));
  const times = await kept(looks);
  expect(times.length).toBeLessThanOrEqual(5);
  times.slice(1).forEach((t, i) => expect(t - (times[i] ?? 0)).toBeLessThan(4.5));
});

test('the scenes of a film that moves begin with their cuts', async () => {
  const looks = Array.from({ length: 40 }, (_, i) => frame(i * 0.2, (i < 20 ? 0 : 120) + (i % 20) * 4));
  expect(await kept(looks)).toContain(4);
});

test('kept frames keep their distance, in order', async () => {
  const looks = fc.array(fc.record({ gap: fc.double({ min: 0.1, max: 5, noNaN: true }), grey: fc.nat(255) }), { minLength: 1, maxLength: 40 }); // prettier-ignore
  await fc.assert(
    fc.asyncProperty(looks, fc.integer({ min: 0, max: 6 }), async (steps, spacing) => {
      let t = 0;
      const times = await kept(steps.map(({ gap, grey }) => frame((t += gap), grey)), spacing); // prettier-ignore
      expect(times.length).toBeGreaterThan(0);
      times.slice(1).forEach((time, i) => expect(time - (times[i] ?? 0)).toBeGreaterThanOrEqual(spacing));
    }),
  );
});
