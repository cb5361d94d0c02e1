import { Int8PageStore } from '../pool/int8-page-store.js';
import { PAGE_TOKENS } from '../pool/page-pool.js';
import type { PageStore } from '../pool/page-store.js';
import type { RotaryTable } from '../pool/rotary.js';
import type { PrefixRows } from '../runner/prefix-rows.js';
import type { Arena, WorkingSet } from '../runner/arena.js';
import type { Runner } from '../runner/runner.js';
import type { PrefixCache } from './prefix-cache.js';
import { QUESTION_TOKENS, type Sequence } from './sequence.js';

/** Question tokens that score pages; the last ones, which say what is asked. */
const SCORING_TOKENS = 32;
/** Rows that are kept free for the answer from the start. */
const ANSWER_ROWS = 64;

/** Reads questions: makes their working sets and gives the logits of the answers' first tokens. */
export class Reader {
  constructor(
    private readonly runner: Runner,
    private readonly store: PageStore,
    private readonly arena: Arena,
    private readonly prefixes: PrefixCache,
    private readonly rotary: RotaryTable,
    /** Sequences that hold a working set or will soon. */
    private readonly admitted: () => number,
  ) {}

  async read(sequence: Sequence): Promise<Float32Array> {
    let logits = await this.enter(sequence);
    while (sequence.questionLeft > 0) [logits] = await this.feed([sequence]);
    return logits!;
  }

  /**
   * Makes a sequence's working set.
   * @returns logits where the question, or the first chunk of a long one, had to be read for that: it chose the pages; otherwise it is
   *   still to be fed
   */
  async enter(sequence: Sequence): Promise<Float32Array | undefined> {
    const { store } = this;
    const { budget } = sequence;
    const fits = sequence.segmentTokens <= budget;
    if (!fits && store instanceof Int8PageStore && this.runner.model.select)
      return this.enterSelected(sequence, store, budget);
    await this.enterAll(sequence);
    return undefined;
  }

  /**
   * Reads the questions of sequences that entered, in adjacent slots, in their order; a long one only alone, and of that the next chunk.
   * @returns the logits of each answer's first token, once its question is read
   */
  async feed(sequences: readonly Sequence[]): Promise<Float32Array[]> {
    const [first] = sequences;
    if (first && sequences.length === 1) return [await this.feedChunk(first)];
    const { hidden, vocabulary } = this.runner.model.config;
    const tokens = sequences.map(({ question }) => question.tokens);
    const S = Math.max(...tokens);
    const embedded = new Float32Array(sequences.length * S * hidden);
    sequences.forEach(({ question }, b) => embedded.set(question.embed(), b * S * hidden));
    // Shorter questions are padded at their end, which nothing before sees.
    const last = tokens.map((count, b) => b * S + count - 1);
    for (const sequence of sequences) sequence.questionRead = sequence.question.tokens;
    const slot = first!.working!.slot;
    const { logits } = await this.runner.step(this.arena, slot, sequences.length, embedded, last, tokens);
    return sequences.map((_, b) => logits.slice(b * vocabulary, (b + 1) * vocabulary));
  }

  private async feedChunk(sequence: Sequence): Promise<Float32Array> {
    const { hidden } = this.runner.model.config;
    const [from, tokens] = [sequence.questionRead, Math.min(sequence.questionLeft, QUESTION_TOKENS)];
    const chunk = sequence.question.embed().subarray(from * hidden, (from + tokens) * hidden);
    const logits = await this.append(sequence.working!, chunk);
    sequence.questionRead += tokens;
    return logits;
  }

  /** Feeds what had been answered before the sequence lost its memory, but for the last token. */
  async resume(sequence: Sequence): Promise<void> {
    const { embeddings: table, config } = this.runner.model;
    const tokens = sequence.answer.slice(0, -1);
    const embedded = new Float32Array(tokens.length * config.hidden);
    tokens.forEach((token, i) => table.row(token, embedded, i * config.hidden));
    await this.append(sequence.working!, embedded);
  }

  /** Everything is in the working set: the result is that of dense attention with the segments' mask. */
  private async enterAll(sequence: Sequence): Promise<void> {
    const prefix = await this.prefixes.of(sequence);
    const rows = prefix.tokens + sequence.segmentTokens;
    const working = this.add(sequence, rows);
    const pages = sequence.segmentRuns.flatMap((run) => run.pages);
    if (!(await this.enterByKernel(working, prefix, pages))) this.gatherAll(working, prefix, pages, rows);
    working.checked = rows;
    const segments = Int32Array.from([
      ...Array<number>(sequence.prefix.tokens).fill(-1),
      ...sequence.segments.flatMap(({ tokens }, i) => Array<number>(tokens).fill(sequence.places[i]!)),
    ]);
    const { kvHeads } = this.store.shape;
    const everyHead = new Int32Array(rows * kvHeads);
    for (let head = 0; head < kvHeads; head++) everyHead.set(segments, head * rows);
    sequence.rowSegments = this.runner.model.evidenceLayers.map(() => everyHead);
    sequence.selectedTokens = rows + sequence.question.tokens;
    sequence.times.selected = performance.now();
  }

  private async enterByKernel(working: WorkingSet, prefix: PrefixRows, pages: readonly number[]): Promise<boolean> {
    const { store } = this;
    if (!(store instanceof Int8PageStore)) return false;
    const tokens = Uint8Array.from(pages, (page) => store.tokensIn(page));
    return this.runner.enter(working, prefix, { pages, tokens, planes: (layer) => store.planes(layer) });
  }

  private gatherAll(working: WorkingSet, prefix: PrefixRows, pages: readonly number[], rows: number): void {
    this.arena.back();
    const { layers, kvHeads } = this.store.shape;
    const { keys, values } = this.arena;
    for (let layer = 0; layer < layers; layer++)
      for (let head = 0; head < kvHeads; head++) {
        working.write(layer, head, 0, prefix.tokens, prefix.keys[layer]!, prefix.values[layer]!);
        const at = working.at(head, prefix.tokens);
        const into = { keys: keys[layer]!, keysAt: at, values: values[layer]!, valuesAt: at };
        this.store.gather({ layer, head, pages, ...into, rotary: this.rotary, position: prefix.tokens });
        working.show(layer, head, 0, rows);
      }
    working.length = rows;
    working.position = rows;
  }

  /** Pages up to the budget are chosen, per layer and KV head, by the question's first chunk. */
  private async enterSelected(sequence: Sequence, store: Int8PageStore, budget: number): Promise<Float32Array> {
    const { kvHeads } = store.shape;
    const prefix = await this.prefixes.of(sequence);
    const owners = sequence.segmentRuns.flatMap((run, i) =>
      run.pages.map((page) => ({ page, segment: sequence.places[i]! })),
    );
    const valid = new Float32Array(owners.length * PAGE_TOKENS);
    const prior = new Float32Array(owners.length);
    owners.forEach(({ page, segment }, i) => {
      valid.fill(1, i * PAGE_TOKENS, i * PAGE_TOKENS + store.tokensIn(page));
      prior[i] = sequence.request.prior?.[segment] ?? 0;
    });
    const count = Math.min(owners.length, Math.ceil(budget / PAGE_TOKENS));
    const rows = prefix.tokens + count * PAGE_TOKENS;
    const working = this.add(sequence, rows);
    const embedded = sequence.question.embed();
    const hidden = embedded.length / sequence.question.tokens;
    const chunk = embedded.subarray(0, QUESTION_TOKENS * hidden);
    const { chosen, logits } = await this.runner.select(working, prefix, chunk, {
      pages: owners.map(({ page }) => page),
      valid,
      prior,
      count,
      scored: scoringTokens(sequence, chunk.length / hidden, this.runner.model.tokenizer),
      position: rows,
      planes: (layer) => store.planes(layer),
    });
    working.checked = rows;
    const { evidenceLayers } = this.runner.model;
    sequence.rowSegments = evidenceLayers.map((layer) => {
      const segments = new Int32Array(kvHeads * rows).fill(-1);
      for (let head = 0; head < kvHeads; head++)
        for (let i = 0; i < count; i++) {
          const at = head * rows + prefix.tokens + i * PAGE_TOKENS;
          const { segment } = owners[chosen[layer]![head * count + i]!]!;
          segments.fill(segment, at, at + PAGE_TOKENS);
        }
      return segments;
    });
    sequence.selectedTokens = rows + sequence.question.tokens;
    sequence.times.selected = performance.now();
    sequence.questionRead = chunk.length / hidden;
    return logits;
  }

  private add(sequence: Sequence, rows: number): WorkingSet {
    const answer = Math.min(sequence.sampling.maxTokens, ANSWER_ROWS);
    const working = this.arena.add(rows + sequence.question.tokens + answer, this.admitted());
    sequence.enter(working);
    return working;
  }

  private async append(working: WorkingSet, embedded: Float32Array): Promise<Float32Array> {
    const { hidden } = this.runner.model.config;
    let logits: Float32Array = new Float32Array(0);
    for (let from = 0; from < embedded.length; from += QUESTION_TOKENS * hidden) {
      const chunk = embedded.subarray(from, from + QUESTION_TOKENS * hidden);
      ({ logits } = await this.runner.step(this.arena, working.slot, 1, chunk, [chunk.length / hidden - 1]));
    }
    return logits.slice();
  }
}

/** The question's own words: not the template that closes it and opens the answer. */
function scoringTokens(sequence: Sequence, tokens: number, tokenizer: { isControl(id: number): boolean }): number[] {
  const { ids } = sequence.question;
  const closing =
    ids.length === sequence.question.tokens ? ids.findIndex((id, i) => i > 0 && tokenizer.isControl(id)) : -1;
  const end = closing > 0 ? Math.min(closing, tokens) : tokens;
  const first = Math.max(0, end - SCORING_TOKENS);
  return Array.from({ length: end - first }, (_, i) => first + i);
}
