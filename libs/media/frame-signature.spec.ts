import { describe, expect, it } from 'vitest';
import { nearlyEqual, signatureOf } from './frame-signature.js';

const flat = (r: number, g: number, b: number) => {
  const rgb = new Uint8Array(64 * 64 * 3);
  for (let i = 0; i < rgb.length; i += 3) rgb.set([r, g, b], i);
  return rgb;
};

describe('nearlyEqual', () => {
  it('takes noise for the same picture', () => {
    const noisy = flat(100, 100, 100).map((value, i) => value + ((i * 7919) % 5) - 2);
    expect(nearlyEqual(signatureOf(flat(100, 100, 100), 64), signatureOf(noisy, 64))).toBe(true);
  });

  it('tells flat colours and a small new thing apart', () => {
    const red = signatureOf(flat(200, 0, 0), 64);
    expect(nearlyEqual(red, signatureOf(flat(0, 0, 200), 64))).toBe(false);
    const withDot = flat(200, 0, 0);
    for (let y = 0; y < 4; y++) for (let x = 0; x < 4; x++) withDot.set([200, 200, 200], (y * 64 + x) * 3);
    expect(nearlyEqual(red, signatureOf(withDot, 64))).toBe(false);
  });
});
