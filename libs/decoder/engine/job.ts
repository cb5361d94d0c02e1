import type { DecodeEvent, TesseraError } from '#contracts';
import { PAGE_TOKENS, pagesFor, type PagePool, type PageRun } from '../pool/page-pool.js';
import { nextPhase, type Phase, type PhaseEvent } from '../scheduler/phase.js';
import type { Schedulable } from '../scheduler/schedule.js';
import { QUESTION_TOKENS, type Sequence } from './sequence.js';

export interface Listener {
  event(event: DecodeEvent): void;
  error(error: TesseraError): void;
}

/** Pages that a sequence must fill itself, and how far it has come: `from` is a multiple of the page size. */
export interface Unfilled {
  run: PageRun;
  from: number;
}

/** A sequence in the engine, as the scheduler sees it. */
export class Job {
  phase: Phase = 'waiting';
  readonly arrived = performance.now();
  /** Prefix first. */
  unfilled: Unfilled[] = [];
  /** Addresses of runs that go to disk once they are filled. */
  kept: ReadonlySet<string> = new Set();
  preemptions = 0;
  /** True while runs that it needs are filled by another sequence. */
  blocked = false;

  constructor(
    readonly sequence: Sequence,
    readonly listener: Listener,
  ) {}

  to(event: PhaseEvent): void {
    this.phase = nextPhase(this.phase, event);
  }

  /** Tokens still to be computed for its pages. */
  get unfilledTokens(): number {
    return this.unfilled.reduce((sum, { run, from }) => sum + run.tokens - from, 0);
  }

  /** @param chunk most tokens of one piece, a multiple of the page size */
  schedulable(chunk: number, pool: Pick<PagePool, 'estimate'>): Schedulable {
    const { sequence } = this;
    return {
      id: sequence.id,
      priority: sequence.request.priority ?? 'interactive',
      phase: this.phase as Schedulable['phase'],
      arrived: this.arrived,
      // Not before it is asked for: of the many that wait, few are considered in a step, and an hour of media is thousands of runs.
      get pages() {
        return pool.estimate(sequence.demands).unpinnedPages;
      },
      pieces: this.blocked ? [] : this.pieces(chunk),
      prefilled: sequence.prefilledTokens,
      preemptions: this.preemptions,
    };
  }

  /** Sizes of the next pieces of prefill: chunks of its pages, then the question. */
  private pieces(chunk: number): number[] {
    const pieces: number[] = [];
    for (const { run, from } of this.unfilled)
      for (let at = from; at < run.tokens; at += chunk) pieces.push(Math.min(chunk, run.tokens - at));
    for (let left = this.sequence.questionLeft; left > 0; left -= QUESTION_TOKENS)
      pieces.push(Math.min(left, QUESTION_TOKENS));
    return pieces;
  }
}

/** The part of a run that a chunk fills, as a run of its own. */
export function partOf(run: PageRun, from: number, tokens: number): PageRun {
  const first = from / PAGE_TOKENS;
  return { address: run.address, tokens, pages: run.pages.slice(first, first + pagesFor(tokens)) };
}
