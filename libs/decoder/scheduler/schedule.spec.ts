import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextPhase, type Phase } from './phase.js';
import {
  DEFAULT_LIMITS,
  FIRST_TURN,
  type Schedulable,
  schedule,
  type SchedulerLimits,
  type SchedulerState,
} from './schedule.js';

const one = (id: number, of: Partial<Schedulable> = {}): Schedulable => ({
  id,
  priority: 'interactive',
  phase: 'waiting',
  arrived: id,
  pages: 1,
  pieces: [],
  prefilled: 0,
  preemptions: 0,
  ...of,
});
const plan = (sequences: Schedulable[], state: Partial<SchedulerState> = {}, limits: Partial<SchedulerLimits> = {}) =>
  schedule({ sequences, now: 1000, freePages: 100, turn: FIRST_TURN, ...state }, { ...DEFAULT_LIMITS, ...limits });

describe('schedule', () => {
  it('admits interactive before batch, then by arrival, while there is room', () => {
    const waiting = [one(1, { priority: 'batch' }), one(2), one(3)];
    expect(plan(waiting).admit).toEqual([2, 3, 1]);
    expect(plan(waiting, {}, { maxRunning: 2 }).admit).toEqual([2, 3]);
    expect(plan(waiting, { now: 1000 + DEFAULT_LIMITS.patience }, { maxRunning: 1 }).admit).toEqual([1]);
  });

  it('lets nobody overtake one that waits for memory', () => {
    expect(plan([one(1, { pages: 60 }), one(2, { pages: 90 }), one(3)]).admit).toEqual([1]);
  });

  it('preempts the youngest batch sequence for an interactive one, and none twice', () => {
    const running = [
      one(1, { priority: 'batch', phase: 'decode' }),
      one(2, { priority: 'batch', phase: 'prefill', pieces: [10] }),
      one(3, { priority: 'batch', phase: 'decode', preemptions: 1 }),
    ];
    const crowded = plan([...running, one(4)], {}, { maxRunning: 3 });
    expect(crowded).toMatchObject({ preempt: [2], admit: [], decode: [1, 3], prefill: [] });
    expect(plan([...running, one(4, { priority: 'batch' })], {}, { maxRunning: 3 }).preempt).toEqual([]);
    expect(plan([running[2]!, one(4)], {}, { maxRunning: 1 }).preempt).toEqual([]);
  });

  it('fills the step when no answer runs, and keeps to the share when one does', () => {
    const filling = one(1, { phase: 'prefill', pieces: [200, 200, 200] });
    expect(plan([filling]).prefill).toEqual([{ id: 1, pieces: 2, tokens: 400 }]);
    let turn = FIRST_TURN;
    const taken: number[] = [];
    for (let i = 0; i < 8; i++) {
      const next = plan([filling, one(2, { phase: 'decode' })], { turn });
      turn = next.turn;
      expect(next.decode).toEqual([2]);
      taken.push(next.prefill[0]?.tokens ?? 0);
    }
    // Savings reach a burst of 256; what a piece leaves of it counts for the next.
    expect(taken).toEqual([0, 0, 0, 200, 0, 0, 0, 200]);
  });

  it('serves a short question while a long prefill saves up, and then the long one', () => {
    const long = one(1, { phase: 'prefill', pieces: Array<number>(50).fill(64), prefilled: 5000 });
    const short = one(2, { phase: 'prefill', pieces: [32] });
    const answering = one(3, { phase: 'decode' });
    const first = plan([long, short, answering]);
    expect(first.prefill).toEqual([{ id: 2, pieces: 1, tokens: 32 }]);
    const last = plan([long, answering], { turn: { credit: 200, of: 'oldest' } });
    expect(last.prefill).toEqual([{ id: 1, pieces: 4, tokens: 256 }]);
    expect(last.turn).toEqual({ credit: 0, of: 'least served' });
  });

  it('serves short questions that come together in one step, as far as they are few tokens', () => {
    const questions = Array.from({ length: 9 }, (_, i) => one(1 + i, { phase: 'prefill', pieces: [10] }));
    const answering = one(99, { phase: 'decode' });
    const taken = (sharedTokens: number): number[] =>
      plan([...questions, answering], {}, { ...DEFAULT_LIMITS, sharedTokens }).prefill.map(({ id }) => id);
    // Whether the first of them has to wait for savings or not.
    expect(taken(8)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(taken(12)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('lets an endless stream of short questions not keep a long prefill from its turn', () => {
    const long = one(1, { phase: 'prefill', pieces: Array<number>(50).fill(64) });
    let turn = FIRST_TURN;
    const served = Array.from({ length: 50 }, (_, i) => {
      const next = plan([long, one(2 + i, { phase: 'prefill', pieces: [32] }), one(99, { phase: 'decode' })], { turn });
      turn = next.turn;
      return next.prefill.some(({ id }) => id === 1);
    });
    expect(served.filter(Boolean).length).toBeGreaterThanOrEqual(5);
  });
});

interface Request {
  at: number;
  priority: 'interactive' | 'batch';
  pieces: number[];
  answer: number;
  pages: number;
  cancelAt: number | undefined;
}

/** Runs requests to their end, checking every plan. @returns steps until each was done */
function simulate(requests: Request[], limits: SchedulerLimits, totalPages: number): void {
  type Live = Omit<Schedulable, 'phase' | 'pieces'> & {
    phase: Phase;
    pieces: number[];
    left: number;
    request: Request;
  };
  let live: Live[] = [];
  let turn = FIRST_TURN;
  const work = requests.reduce((sum, r) => sum + r.answer + 2 * r.pieces.reduce((a, b) => a + b, 0), 0);
  const deadline = 200 + 2 * work + 20 * requests.length + Math.max(...requests.map((r) => r.at));
  const lastArrival = Math.max(...requests.map((r) => r.at));
  for (let step = 0; step <= deadline && (step <= lastArrival || live.length > 0); step++) {
    requests.forEach((request, id) => {
      if (request.at !== step) return;
      live.push({
        ...one(id),
        ...request,
        arrived: step,
        phase: 'waiting',
        pieces: [...request.pieces],
        left: request.answer,
        request,
      } as Live);
    });
    live = live.filter((s) => s.request.cancelAt === undefined || step < s.request.cancelAt);
    const pinned = live.reduce((sum, s) => sum + (s.phase === 'waiting' ? 0 : s.pages), 0);
    const decoding = live.filter((s) => s.phase === 'decode').map((s) => s.id);
    const next = schedule(
      { sequences: live as Schedulable[], now: step, freePages: totalPages - pinned, turn },
      limits,
    );
    turn = next.turn;

    const tokens = next.prefill.reduce((sum, p) => sum + p.tokens, 0);
    expect(tokens + next.decode.length).toBeLessThanOrEqual(limits.stepTokens);
    expect([...next.decode, ...next.preempt.filter((id) => decoding.includes(id))].sort()).toEqual(decoding.sort());
    const { sharedTokens, burstTokens, fewTokens } = limits;
    const largest = Math.max(sharedTokens, burstTokens, fewTokens, ...live.map((s) => s.pieces[0] ?? 0));
    if (next.decode.length > 0) expect(tokens).toBeLessThanOrEqual(largest);

    const of = (id: number) => live.find((s) => s.id === id)!;
    const update = (id: number, change: Partial<Live>) => Object.assign(of(id), change);
    for (const id of next.preempt) {
      expect(of(id)).toMatchObject({ priority: 'batch', preemptions: 0 });
      const { request } = of(id);
      update(id, { phase: nextPhase(of(id).phase, 'preempt'), pieces: [...request.pieces], preemptions: 1 });
    }
    for (const id of next.admit) {
      expect(next.preempt).not.toContain(id);
      update(id, { phase: nextPhase(of(id).phase, 'admit') });
    }
    for (const { id, pieces, tokens: filled } of next.prefill) {
      const taken = of(id).pieces.splice(0, pieces);
      expect(taken.reduce((a, b) => a + b, 0)).toBe(filled);
      update(id, { prefilled: of(id).prefilled + filled });
    }
    for (const s of live)
      if (s.phase === 'prefill' && s.pieces.length === 0) update(s.id, { phase: nextPhase('prefill', 'prefilled') });
    for (const id of next.decode) if (--of(id).left === 0) update(id, { phase: nextPhase('decode', 'finish') });
    live = live.filter((s) => s.phase !== 'done');
    const running = live.filter((s) => s.phase !== 'waiting');
    expect(running.length).toBeLessThanOrEqual(limits.maxRunning);
    expect(running.reduce((sum, s) => sum + s.pages, 0)).toBeLessThanOrEqual(totalPages);
  }
  expect(live.map((s) => s.id)).toEqual([]);
}

describe('continuous batching', () => {
  it('ends every sequence, within budget and memory, whatever arrives', () => {
    const request: fc.Arbitrary<Request> = fc.record({
      at: fc.nat(60),
      priority: fc.constantFrom('interactive' as const, 'batch' as const),
      pieces: fc.array(fc.integer({ min: 1, max: 56 }), { minLength: 1, maxLength: 12 }),
      answer: fc.integer({ min: 1, max: 30 }),
      pages: fc.integer({ min: 1, max: 20 }),
      cancelAt: fc.option(fc.nat(120), { nil: undefined }),
    });
    const limits = fc.record({
      maxRunning: fc.integer({ min: 1, max: 8 }),
      stepTokens: fc.constant(64),
      sharedTokens: fc.integer({ min: 1, max: 40 }),
      burstTokens: fc.integer({ min: 1, max: 60 }),
      fewTokens: fc.integer({ min: 0, max: 30 }),
      patience: fc.integer({ min: 0, max: 200 }),
    });
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 20 }), limits, (requests, of) =>
        simulate(requests, of, 20),
      ),
      { numRuns: 100 },
    );
  });

  it('serves a batch sequence under an endless stream of interactive ones', () => {
    const stream = Array.from({ length: 100 }, (_, i): Request => ({
      at: i * 2,
      priority: 'interactive',
      pieces: [50],
      answer: 4,
      pages: 10,
      cancelAt: undefined,
    }));
    const batch: Request = { at: 0, priority: 'batch', pieces: [50, 50], answer: 10, pages: 20, cancelAt: undefined };
    simulate(
      [...stream, batch],
      { maxRunning: 2, stepTokens: 64, sharedTokens: 16, burstTokens: 32, fewTokens: 8, patience: 50 },
      20,
    );
  });
});

describe('nextPhase', () => {
  it('allows what can happen and nothing else', () => {
    expect(nextPhase('waiting', 'admit')).toBe('prefill');
    expect(nextPhase('decode', 'preempt')).toBe('waiting');
    for (const phase of ['waiting', 'prefill', 'decode'] as const) expect(nextPhase(phase, 'cancel')).toBe('done');
    expect(() => nextPhase('waiting', 'finish')).toThrow('cannot finish');
    expect(() => nextPhase('done', 'cancel')).toThrow('cannot cancel');
  });
});
