import type { ReadRow } from '#runtime';
import type { DraftCosts } from '../speculation/draft-length.js';
import type { Arena, WorkingSet } from '../runner/arena.js';
import type { PrefixRows } from '../runner/prefix-rows.js';
import type { Prefilled } from '../runner/prefilled.js';
import type { PageChoice, PageRows, Selection } from '../runner/selection.js';

/** New tokens for neighbours in an arena, the same number each. */
export interface StepBatch {
  arena: Arena;
  members: readonly WorkingSet[];
  /** [members, S, hidden]. */
  embeddings: Float32Array;
  S: number;
  /** How many of its new tokens, the first ones, each member keeps; the others are padding. */
  appended: readonly number[];
  /** Which of the members' S new tokens want logits, none of them padding. */
  rows: readonly number[];
}

export interface StepResult {
  /** [rows asked for, vocabulary]; the next step overwrites it. */
  logits: Float32Array;
  /** [rows asked for], where it is known: the lowest id of the largest logit, -1 where one is no finite number; the next step overwrites it. */
  likeliest?: Int32Array;
  /** Per evidence layer [members, kvHeads, capacity]: attention on the rows before the step, summed over new tokens and query heads. */
  mass: Float32Array[];
  capacity: number;
}

/** A program of our own for steps of few new tokens. */
export interface StepKernel {
  /** What it takes to check drafts, where it does that itself. */
  readonly draftCosts?: DraftCosts;
  /** Rows of the table of words, where it holds that: until it is disposed of, even when it is given up. */
  readonly embed?: ReadRow;
  /** Bytes of the working sets that it holds, where an arena need not (`Arena.backed`). */
  readonly heldBytes?: number;
  takes(batch: StepBatch): boolean;
  /** Computes the step and appends its rows to the members' working sets. A view of what it gives holds until the next step. */
  step(batch: StepBatch): StepResult;
  /**
   * Computes a prefix, which nothing stands before, where it does that itself.
   * @param embedded [tokens, hidden]
   * @returns undefined where it is too long for it
   */
  prefix?(embedded: Float32Array): PrefixRows | undefined;
  /**
   * Fills the (empty) working set with a prefix and all tokens of pages, where it does that itself.
   * @returns whether it did; not where they are too many
   */
  enter?(member: WorkingSet, prefix: PrefixRows, pages: PageRows): boolean;
  /**
   * Computes keys and values of segments, each after the same prefix, where it does that itself.
   * @param segments embeddings, [tokens, hidden] each
   * @returns undefined where they are too long for it
   */
  prefill?(prefix: PrefixRows, segments: readonly Float32Array[]): Prefilled | undefined;
  /**
   * Reads a question that chooses pages by their best row, where it does that itself, and fills the (empty) working set.
   * @returns undefined where it or what it chooses is too long
   */
  select?(member: WorkingSet, prefix: PrefixRows, question: Float32Array, choice: PageChoice): Selection | undefined;
  dispose(): Promise<void>;
}
