import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PAGE_TOKENS, PagePool, pagesFor } from './page-pool.js';

const demand = (address: string, tokens = 64) => ({ address, tokens });

function fill(pool: PagePool, address: string, tokens = 64): void {
  for (const run of pool.acquire([demand(address, tokens)]).missing) pool.ready(run.address);
  pool.release(address);
}

describe('PagePool', () => {
  it('gives a segment its pages once and shares them', () => {
    const pool = new PagePool(8);
    const first = pool.acquire([demand('a', 40)]);
    expect(first.runs[0]).toEqual({ address: 'a', tokens: 40, pages: [0, 1, 2] });
    expect(first.missing).toHaveLength(1);
    const second = pool.acquire([demand('a', 40)]);
    expect(second.missing).toEqual([]);
    expect(second.runs[0]).toBe(first.runs[0]);
    expect(pool.has('a')).toBe(false);
    pool.ready('a');
    expect(pool.has('a')).toBe(true);
    pool.check();
  });

  it('evicts the least recently used run that nobody reads', () => {
    const pool = new PagePool(12);
    for (const address of ['a', 'b', 'c']) fill(pool, address);
    fill(pool, 'a');
    const { evicted } = pool.acquire([demand('d')]);
    expect(evicted.map((run) => run.address)).toEqual(['b']);
    expect(pool.has('a')).toBe(true);
    pool.check();
  });

  it('never evicts what the same request needs', () => {
    const pool = new PagePool(12);
    for (const address of ['a', 'b', 'c']) fill(pool, address);
    const { evicted } = pool.acquire([demand('new'), demand('a'), demand('b')]);
    expect(evicted.map((run) => run.address)).toEqual(['c']);
    pool.check();
  });

  it('tells a sequence that can never fit from one that cannot now', () => {
    const pool = new PagePool(8);
    expect(() => pool.acquire([demand('a', 9 * PAGE_TOKENS)])).toThrow(
      expect.objectContaining({ code: 'context_too_long' }),
    );
    pool.acquire([demand('a', 5 * PAGE_TOKENS)]);
    expect(() => pool.acquire([demand('b', 4 * PAGE_TOKENS)])).toThrow(expect.objectContaining({ code: 'overloaded' }));
    pool.check();
  });

  it('pins twice a segment that occurs twice in one sequence', () => {
    const pool = new PagePool(8);
    const { runs, missing } = pool.acquire([demand('a'), demand('a')]);
    expect(runs[0]).toBe(runs[1]);
    expect(missing).toHaveLength(1);
    pool.ready('a');
    pool.release('a');
    expect(pool.stats().pinnedPages).toBe(4);
    pool.release('a');
    expect(pool.stats().pinnedPages).toBe(0);
    expect(() => pool.release('a')).toThrow('more often');
  });

  it('frees a run whose filling was given up', () => {
    const pool = new PagePool(8);
    pool.acquire([demand('a')]);
    pool.release('a');
    expect(pool.get('a')).toBeUndefined();
    expect(pool.stats().freePages).toBe(8);
    pool.check();
  });

  it('keeps every page free or owned once, whatever happens', () => {
    const operation = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          op: fc.constant('acquire' as const),
          ids: fc.array(fc.nat(11), { minLength: 1, maxLength: 4 }),
        }),
      },
      { weight: 4, arbitrary: fc.record({ op: fc.constant('ready' as const), pick: fc.nat() }) },
      { weight: 6, arbitrary: fc.record({ op: fc.constant('release' as const), pick: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('discard' as const), id: fc.nat(11) }) },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 24 }), fc.array(operation, { maxLength: 80 }), (total, operations) => {
        const pool = new PagePool(total);
        const pins: string[] = [];
        const filling = new Set<string>();
        for (const step of operations) {
          if (step.op === 'acquire') {
            const demands = step.ids.map((id) => demand(`s${id}`, 1 + id * 9));
            const { fits, possible, missingPages } = pool.estimate(demands);
            const resident = demands.filter(({ address }) => pool.get(address));
            const before = pool.stats().freePages;
            if (!fits || !possible) expect(() => pool.acquire(demands)).toThrow();
            else {
              const { runs, missing, evicted } = pool.acquire(demands);
              pins.push(...runs.map((run) => run.address));
              for (const run of missing) filling.add(run.address);
              for (const run of evicted) expect(pins).not.toContain(run.address);
              for (const { address } of resident) expect(missing.map((run) => run.address)).not.toContain(address);
              const freed = evicted.reduce((sum, run) => sum + run.pages.length, 0);
              expect(pool.stats().freePages).toBe(before + freed - missingPages);
            }
          } else if (step.op === 'ready' && filling.size > 0) {
            const address = [...filling][step.pick % filling.size]!;
            filling.delete(address);
            pool.ready(address);
          } else if (step.op === 'release' && pins.length > 0) {
            const [address] = pins.splice(step.pick % pins.length, 1);
            pool.release(address!);
            if (!pins.includes(address!)) filling.delete(address!);
          } else if (step.op === 'discard') {
            const address = `s${step.id}`;
            if (pool.get(address) && !pins.includes(address)) pool.discard(address);
          }
          pool.check();
          expect(pool.stats().pinnedPages).toBe(
            [...new Set(pins)].reduce((sum, address) => sum + pagesFor(pool.get(address)!.tokens), 0),
          );
        }
      }),
      { numRuns: 300 },
    );
  });
});
