import { describe, expect, it } from 'vitest';
import { release } from './release.js';

describe('release', () => {
  it('frees memory without a garbage collection', () => {
    const size = 1 << 26;
    const before = process.memoryUsage().arrayBuffers;
    for (let round = 0; round < 20; round++) {
      const values = new Uint8Array(size).fill(round);
      release([values.buffer]);
      expect(values).toHaveLength(0);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 * size);
  });

  it('takes a buffer twice, an empty list, and leaves shared memory alone', async () => {
    const [own, shared] = [new ArrayBuffer(8), new SharedArrayBuffer(8)];
    release([]);
    release([own, own, shared]);
    await new Promise((wake) => setTimeout(wake, 10));
    expect([own.byteLength, shared.byteLength]).toEqual([0, 8]);
    const later = new ArrayBuffer(8);
    release([later, own]);
    expect(later.byteLength).toBe(0);
  });
});
