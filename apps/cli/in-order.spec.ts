import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inOrder } from './in-order.js';

describe('inOrder', () => {
  it('yields every outcome in order, and never has more than the window in work', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 25 }),
        fc.integer({ min: 1, max: 6 }),
        async (delays, window) => {
          let running = 0;
          let most = 0;
          const seen: number[] = [];
          const items = delays.map((delay, index) => ({ delay, index }));
          const work = async ({ delay, index }: (typeof items)[number]): Promise<number> => {
            most = Math.max(most, ++running);
            for (let i = 0; i < delay; i++) await Promise.resolve();
            running--;
            if (delay === 4) throw new Error('four');
            return index;
          };
          for await (const { item, value, error } of inOrder(items, window, work)) {
            seen.push(item.index);
            if (item.delay === 4) expect(error).toBeInstanceOf(Error);
            else expect(value).toBe(item.index);
          }
          expect(seen).toEqual(items.map((item) => item.index));
          expect(most).toBeLessThanOrEqual(window);
        },
      ),
      { numRuns: 50 },
    );
  });
});
