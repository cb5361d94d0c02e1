import { type Phase } from './phase.js';

/** What the scheduler needs to know of a sequence. */
export interface Schedulable {
  readonly id: number;
  readonly priority: 'interactive' | 'batch';
  readonly phase: Exclude<Phase, 'done'>;
  /** Milliseconds on the scheduler's clock. */
  readonly arrived: number;
  /** KV pages that admitting it would pin, of those that are not; asked for when its turn to be admitted has come. */
  readonly pages: number;
  /** Tokens of the pieces still to be prefilled, in order. A piece is what one run of the graph takes in at least. */
  readonly pieces: readonly number[];
  /** Tokens of it that were prefilled so far. */
  readonly prefilled: number;
  /** Times it was preempted. */
  readonly preemptions: number;
}

export interface SchedulerLimits {
  /** Sequences that hold memory at once. */
  maxRunning: number;
  /** Tokens that one step takes in, prefill and decode together. No piece may be larger than stepTokens - maxRunning. */
  stepTokens: number;
  /** Prefill tokens per step, on average, while answers are running (see sharedTokens). */
  sharedTokens: number;
  /** Prefill tokens that are saved up and then taken in at once while answers are running. */
  burstTokens: number;
  /** What takes in no more than this, as a question on known media, does not wait for savings. */
  fewTokens: number;
  /** Milliseconds from its arrival after which a batch sequence is as urgent as interactive ones, which may still preempt it once. */
  patience: number;
}

export const DEFAULT_LIMITS: SchedulerLimits = {
  maxRunning: 32,
  stepTokens: 512,
  sharedTokens: 64,
  burstTokens: 256,
  fewTokens: 64,
  patience: 30_000,
};

export interface SchedulerState {
  readonly sequences: readonly Schedulable[];
  readonly now: number;
  /** Pages that are free or can be evicted. */
  readonly freePages: number;
  /** Of the previous plan. */
  readonly turn: Turn;
}

/** What prefill remembers from step to step. */
export interface Turn {
  /** Prefill tokens saved up while answers run. */
  readonly credit: number;
  /** Whose turn it is; it passes on when something was prefilled. */
  readonly of: 'oldest' | 'least served';
}

export const FIRST_TURN: Turn = { credit: 0, of: 'oldest' };

/** What one step does. Applied in the order of the fields. */
export interface Plan {
  /** Back to waiting: their memory is released, their tokens are kept and prefilled again later. */
  preempt: number[];
  /** From waiting to prefill. */
  admit: number[];
  /** The next `pieces` pieces of a sequence, `tokens` in all. */
  prefill: { id: number; pieces: number; tokens: number }[];
  /** One token each. */
  decode: number[];
  /** For the next step's state. */
  turn: Turn;
}

/**
 * Plans one step of continuous batching (Orca, OSDI 2022) with chunked prefill (Sarathi-Serve, arXiv:2403.02310):
 * every running answer gets its token in every step, and prefill gets what is left of the budget.
 *
 * - Admission: interactive before batch, then by arrival; nobody overtakes the first of its class, so the large do not
 *   starve. A batch sequence that ran out of patience counts as interactive.
 * - An interactive sequence that finds no room preempts the youngest batch sequence, but none twice.
 * - Prefill while answers run is a token bucket: it fills until it holds a burst, or what the next in turn still
 *   needs. Those that need little are served meanwhile, all that fit into one step at once.
 * - Prefill turns alternate between the oldest and the least served sequence: a question on known media does not wait
 *   for an hour of video, and the video gets half.
 *
 * @example
 * let turn = FIRST_TURN;
 * const plan = schedule({ sequences, now: performance.now(), freePages, turn });
 * turn = plan.turn;
 */
export function schedule(state: SchedulerState, limits: SchedulerLimits = DEFAULT_LIMITS): Plan {
  const { preempt, admit } = admission(state, limits);
  const running = state.sequences.filter(({ id, phase }) => phase !== 'waiting' && !preempt.includes(id));
  const decode = running.filter(({ phase }) => phase === 'decode').map(({ id }) => id);
  const filling = running.filter(({ phase }) => phase === 'prefill');
  return { preempt, admit, decode, ...prefill(filling, decode.length, state, limits) };
}

function admission(state: SchedulerState, limits: SchedulerLimits): Pick<Plan, 'preempt' | 'admit'> {
  const urgent = urgency(state.now, limits);
  const running = state.sequences.filter(({ phase }) => phase !== 'waiting');
  let slots = limits.maxRunning - running.length;
  let pages = state.freePages;
  const admit: number[] = [];
  for (const next of state.sequences.filter(({ phase }) => phase === 'waiting').sort(byClassAndArrival(urgent))) {
    if (slots > 0 && next.pages <= pages) {
      admit.push(next.id);
      slots--;
      pages -= next.pages;
      continue;
    }
    // Its memory is known to be free in the next step only: others may share its pages.
    const victim = urgent(next)
      ? running
          .filter((other) => other.priority === 'batch' && other.preemptions === 0)
          .filter((other) => next.priority === 'interactive' || !urgent(other))
          .sort((a, b) => b.arrived - a.arrived || b.id - a.id)[0]
      : undefined;
    return { preempt: victim ? [victim.id] : [], admit };
  }
  return { preempt: [], admit };
}

function prefill(
  filling: readonly Schedulable[],
  decoding: number,
  state: SchedulerState,
  limits: SchedulerLimits,
): Pick<Plan, 'prefill' | 'turn'> {
  const left = limits.stepTokens - decoding;
  const order = turns(filling, state, limits).filter(({ pieces }) => pieces.length > 0);
  const { of } = state.turn;
  if (decoding === 0) {
    const { plan, used } = take(order, left);
    return { prefill: plan, turn: { credit: 0, of: used === 0 ? of : other(of) } };
  }
  const [next] = order;
  if (!next) return { prefill: [], turn: { credit: 0, of } };
  const wanted = Math.min(left, Math.max(next.pieces[0]!, Math.min(limits.burstTokens, total(next))));
  const credit = Math.min(state.turn.credit + limits.sharedTokens, Math.max(wanted, limits.sharedTokens));
  const saved = credit < wanted ? { plan: [], used: 0 } : take(order, Math.min(credit, left));
  // The others that need few are not kept waiting by what was saved up, nor by one that needs as little as they do.
  const served = new Set(saved.plan.map(({ id }) => id));
  const few = order.filter((sequence) => !served.has(sequence.id) && total(sequence) <= limits.fewTokens);
  const { plan } = take(few, Math.min(left, limits.fewTokens) - saved.used);
  return {
    prefill: [...saved.plan, ...plan],
    turn: { credit: credit - saved.used, of: saved.used === 0 ? of : other(of) },
  };
}

const total = ({ pieces }: Schedulable): number => pieces.reduce((sum, piece) => sum + piece, 0);
const other = (of: Turn['of']): Turn['of'] => (of === 'oldest' ? 'least served' : 'oldest');

/** Pieces up to the budget, in order. */
function take(order: readonly Schedulable[], budget: number): { plan: Plan['prefill']; used: number } {
  const plan: Plan['prefill'] = [];
  let used = 0;
  for (const { id, pieces } of order) {
    let taken = 0;
    let tokens = 0;
    while (taken < pieces.length && used + pieces[taken]! <= budget) {
      used += pieces[taken]!;
      tokens += pieces[taken++]!;
    }
    if (taken > 0) plan.push({ id, pieces: taken, tokens });
    // Smaller pieces of others must not use up what this one saves for.
    if (taken < pieces.length) break;
  }
  return { plan, used };
}

/** Who is next to be prefilled. */
function turns(filling: readonly Schedulable[], state: SchedulerState, limits: SchedulerLimits): Schedulable[] {
  const urgent = urgency(state.now, limits);
  const oldest = byClassAndArrival(urgent);
  if (state.turn.of === 'oldest') return [...filling].sort(oldest);
  return [...filling].sort(
    (a, b) => Number(urgent(b)) - Number(urgent(a)) || a.prefilled - b.prefilled || oldest(a, b),
  );
}

const urgency =
  (now: number, { patience }: SchedulerLimits) =>
  ({ priority, arrived }: Schedulable): boolean =>
    priority === 'interactive' || now - arrived > patience;

const byClassAndArrival =
  (urgent: (sequence: Schedulable) => boolean) =>
  (a: Schedulable, b: Schedulable): number =>
    Number(urgent(b)) - Number(urgent(a)) || a.arrived - b.arrived || a.id - b.id;
