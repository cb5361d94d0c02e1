import { describe, expect, it } from 'vitest';
import { seemsEnglish } from './english.js';
import { normaliseLoudness, SlowGain } from './loudness.js';
import { SoundBuffer } from './sound-buffer.js';

describe('SoundBuffer', () => {
  it('gives any part back until it is forgotten', () => {
    const buffer = new SoundBuffer();
    buffer.push(Float32Array.of(0, 1, 2));
    buffer.push(Float32Array.of(3, 4));
    expect([...buffer.slice(1, 4)]).toEqual([1, 2, 3]);
    expect([...buffer.slice(3, 99)]).toEqual([3, 4]);
    buffer.forget(4);
    expect([...buffer.slice(0, 5)]).toEqual([0, 0, 0, 0, 4]);
    expect([...buffer.slice(0, 2)]).toEqual([0, 0]);
    expect(buffer.length).toBe(5);
  });

  it('keeps what is wanted of a long stream, however much that is', () => {
    const buffer = new SoundBuffer();
    const piece = 100_000;
    for (let n = 0; n < 40; n++) {
      buffer.push(Float32Array.from({ length: piece }, (_, i) => n * piece + i));
      // A while nothing is forgotten, so that more is held than there was room for.
      if (n < 10 || n > 20) buffer.forget(n * piece - 5);
      const from = n < 10 || n > 20 ? n * piece - 5 : 9 * piece - 5;
      const held = buffer.slice(Math.max(0, from), buffer.length + 9);
      expect(held).toHaveLength(buffer.length - Math.max(0, from));
      expect(held.every((value, i) => value === Math.max(0, from) + i)).toBe(true);
    }
  });
});

describe('loudness', () => {
  const tone = (peak: number) => Float32Array.from({ length: 16_000 }, (_, i) => peak * Math.sin(i));
  const peakOf = (samples: Float32Array) => samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

  it('raises what is quiet, and leaves loud sound and silence alone', () => {
    expect(peakOf(normaliseLoudness(tone(0.02)))).toBeCloseTo(0.5, 2);
    expect(normaliseLoudness(tone(0.3))).toEqual(tone(0.3));
    expect(peakOf(normaliseLoudness(tone(0.0001)))).toBeLessThan(0.001);
  });

  it('does not make the pause after speech loud', () => {
    const gain = new SlowGain();
    expect(peakOf(gain.apply(tone(0.5), 16_000))).toBeCloseTo(0.5, 2);
    expect(peakOf(gain.apply(tone(0.01), 16_000))).toBeLessThan(0.05);
  });
});

describe('seemsEnglish', () => {
  const said = (text: string, avgLogprob = -0.2) => [{ start: 0, end: 5, text, avgLogprob }];

  it('knows English by its small words, and does not judge a few words', () => {
    expect(seemsEnglish(said('it was the best of times and it was the worst of times for all of them'))).toBe(true);
    expect(seemsEnglish(said('Guten Morgen'))).toBe(true);
    expect(
      seemsEnglish(said('eye haven see dass soft weg other zeit umfang leben mensch gottes heidelberg strassen')),
    ).toBe(false);
  });

  it('doubts what the model doubts', () => {
    expect(seemsEnglish(said('it is the way of the people on the other side of the water', -0.9))).toBe(false);
  });
});
