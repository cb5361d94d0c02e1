import { describe, expect, it } from 'vitest';
import { RegionPacker } from './region-packer.js';

const region = (start: number, end: number, confidence = 1) => ({ start, end, confidence });
const packer = () => new RegionPacker(1, { maxGap: 1, maxLength: 10 });

describe('RegionPacker', () => {
  it('joins near regions until the whole would be too long', () => {
    const pack = packer();
    expect(pack.push([region(0, 3), region(4, 8), region(8.5, 11)])).toEqual([region(0, 8)]);
    expect(pack.finish()).toEqual([region(8.5, 11)]);
    expect(pack.finish()).toEqual([]);
  });

  it('keeps regions with a long pause apart, and lets the first go as soon as that is certain', () => {
    const pack = packer();
    expect(pack.push([region(0, 3)])).toEqual([]);
    expect(pack.settle(3.5)).toEqual([]);
    expect(pack.settled).toBe(0);
    expect(pack.settle(4.5)).toEqual([region(0, 3)]);
    expect(pack.settled).toBe(Infinity);
  });

  it('weighs confidence by length', () => {
    const pack = packer();
    pack.push([region(0, 3, 1), region(3, 4, 0.6)]);
    expect(pack.finish()[0]!.confidence).toBeCloseTo(0.9);
  });
});
