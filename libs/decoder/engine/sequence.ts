import { isWrittenAlone, TesseraError, Sampling, type DecodeEvent, type DecodeRequest } from '#contracts';
import { prefixAddress, segmentAddress } from '../pool/content-address.js';
import { PAGE_TOKENS, type PageDemand, type PageRun } from '../pool/page-pool.js';
import { MOST_POSITIONS } from '../pool/rotary.js';
import type { WorkingSet } from '../runner/arena.js';
import type { DecoderModel } from '../runner/model.js';
import type { JsonConstraint } from '../grammar/json-constraint.js';
import { Beams } from '../sampler/beams.js';
import { Sampler, type Sampled } from '../sampler/sampler.js';
import { StopStrings } from '../sampler/stop-strings.js';
import { DraftIndex } from '../speculation/draft-index.js';
import { Evidence, type RowSegments } from './evidence.js';
import { tokenise, type TokenRun } from './tokens.js';

/** Material with more segments is not indexed for drafts: the index would cost more than it saves. */
const DRAFTED_SEGMENTS = 256;
/** Longest segment or prefix: positions in it are not re-indexed. */
const LONGEST_RUN = 4096;
/** Attention budget where the request sets none: tokens per layer and KV head, without prefix and question. */
const DEFAULT_BUDGET = 1024;
/** Tokens of a question that are read in one step: running answers wait no longer for a long one. */
export const QUESTION_TOKENS = 256;
/** Prefixes up to this length are kept in float32, not in pages: 46 KB a token instead of 12. */
const SHORT_PREFIX = 256;

/** @returns numbers of the segments that are read, ascending */
export type Choose = (segments: readonly PageDemand[], request: DecodeRequest) => number[];

/** One request on its way: what it reads, where that lies, and what has come of it. */
export class Sequence {
  readonly prefix: TokenRun;
  /** Those that are read, and which of the request's they are. */
  readonly segments: TokenRun[];
  readonly places: number[];
  readonly question: TokenRun;
  readonly sampling: Sampling;
  readonly sampler: Sampler;
  /** Where answers are written side by side, once the working set is made. */
  beams: Beams | undefined;
  readonly stopStrings: StopStrings;
  readonly detokenizer;
  constraint: JsonConstraint | undefined;
  /** What the answer may quote. */
  readonly drafts: DraftIndex;
  readonly prefixAddress: string;
  /** Pages that it needs: the prefix's first, when it lies in pages, then the segments'. */
  readonly demands: PageDemand[];
  private readonly sources: ReadonlyMap<string, TokenRun>;
  /** As many as demands once pages are acquired; all pinned. */
  runs: PageRun[] = [];
  /** What the answer attends to; of answers that are written side by side, each has one of its own. */
  lanes: WorkingSet[] = [];
  /** Tokens of the answer so far, the last of which is not yet in the working set. */
  readonly answer: number[] = [];
  text = '';
  cachedTokens = 0;
  selectedTokens = 0;
  evidence: Evidence;
  /** Per evidence layer, once the working set is made. */
  rowSegments: RowSegments[] = [];
  readonly times = { start: performance.now(), prefilled: 0, selected: 0, firstToken: 0 };
  prefilledTokens = 0;
  /** Tokens of the question that are in the working set. */
  questionRead = 0;

  constructor(
    readonly id: number,
    readonly request: DecodeRequest,
    private readonly model: DecoderModel,
    modelId: string,
    private readonly emit: (event: DecodeEvent) => void,
    choose?: Choose,
  ) {
    const read = (parts: DecodeRequest['prefix']): TokenRun => tokenise(parts, model.tokenizer, model.embeddings);
    this.prefix = read(request.prefix);
    const offered = request.segments.map((segment) => read(segment.parts));
    this.question = read(request.question);
    this.sampling = Sampling.parse(request.sampling);
    this.check(offered);
    const address = (this.prefixAddress = prefixAddress(modelId, this.prefix.pieces));
    const demanded = offered.map(({ pieces, tokens }) => ({ address: segmentAddress(address, pieces), tokens }));
    this.places = choose?.(demanded, request) ?? [...offered.keys()];
    this.segments = this.places.map((place) => offered[place]!);
    this.demands = [
      ...(this.hasPagedPrefix ? [{ address, tokens: this.prefix.tokens }] : []),
      ...this.places.map((place) => demanded[place]!),
    ];
    const runs = this.hasPagedPrefix ? [this.prefix, ...this.segments] : this.segments;
    this.sources = new Map(this.demands.map((demand, i) => [demand.address, runs[i]!]));
    this.sampler = new Sampler(this.sampling, { vocabulary: model.config.vocabulary, prompt: this.question.ids });
    this.stopStrings = new StopStrings(this.sampling.stop);
    this.detokenizer = model.tokenizer.detokenizer();
    const drafted = request.drafts !== false && this.segments.length <= DRAFTED_SEGMENTS;
    this.drafts = new DraftIndex(drafted ? this.segments.map(({ ids }) => ids) : []);
    for (const id of this.question.ids) this.drafts.push(id);
    this.evidence = new Evidence(offered.length);
  }

  private get hasPagedPrefix(): boolean {
    return this.prefix.tokens > SHORT_PREFIX;
  }

  /** Undefined until the question is read. */
  get working(): WorkingSet | undefined {
    return this.lanes[0];
  }

  /** The token of each lane that is not yet in it. */
  get last(): number[] {
    return this.beams?.last ?? this.answer.slice(-1);
  }

  get segmentTokens(): number {
    return this.segments.reduce((sum, { tokens }) => sum + tokens, 0);
  }

  get promptTokens(): number {
    return this.prefix.tokens + this.segmentTokens + this.question.tokens;
  }

  get questionLeft(): number {
    return this.question.tokens - this.questionRead;
  }

  /** Tokens of the material that each layer and KV head attends to: as many as were asked for, where positions reach that far; whole pages. */
  get budget(): number {
    const { request } = this;
    const room = Math.floor(this.positionsLeft / PAGE_TOKENS) * PAGE_TOKENS;
    return Math.max(PAGE_TOKENS, Math.min(request.selectedTokens ?? DEFAULT_BUDGET, room));
  }

  /** Positions that prefix, question and answer leave to the material. */
  private get positionsLeft(): number {
    const most = Math.min(this.model.config.contextLength, MOST_POSITIONS);
    return most - this.prefix.tokens - this.question.tokens - this.sampling.maxTokens;
  }

  /** Undefined for a short prefix, which is not in pages. */
  get prefixRun(): PageRun | undefined {
    return this.hasPagedPrefix ? this.runs[0] : undefined;
  }

  get segmentRuns(): PageRun[] {
    return this.runs.slice(this.hasPagedPrefix ? 1 : 0);
  }

  /** Tokens that lie in pages. */
  get pagedTokens(): number {
    return this.demands.reduce((sum, { tokens }) => sum + tokens, 0);
  }

  get tokensLeft(): number {
    return this.sampling.maxTokens - this.answer.length;
  }

  /** What a run of pages is computed from. */
  sourceOf(run: PageRun): TokenRun {
    return this.sources.get(run.address)!;
  }

  progress(tokens: number): void {
    if (tokens === 0) return;
    this.prefilledTokens += tokens;
    this.emit({ type: 'prefill', done: this.prefilledTokens, total: this.pagedTokens });
  }

  /** Its working set is made, once more where it had lost one: what is written alone goes on, what is written side by side begins anew. */
  enter(working: WorkingSet): void {
    this.lanes = [working];
    const { vocabulary } = this.model.config;
    const options = { vocabulary, stopId: this.model.tokenizer.stopId, prompt: this.question.ids };
    if (this.sampling.beams === 1) return;
    this.beams = new Beams(this.sampling, options);
    this.evidence = new Evidence(this.request.segments.length);
  }

  /** Takes in the token chosen from `logits`. @returns why the answer ends here, if it does */
  accept(logits: Float32Array, likeliest?: number): 'stop' | 'length' | undefined {
    return this.write(this.sampler.sample(logits, this.constraint?.mask(), likeliest));
  }

  /** Takes in a whole answer. @returns why it ended */
  acceptAll(tokens: readonly number[]): 'stop' | 'length' {
    return tokens.map((token) => this.write({ token })).at(-1) ?? 'length';
  }

  private write({ token, logprobs }: Sampled): 'stop' | 'length' | undefined {
    const { tokenizer } = this.model;
    this.answer.push(token);
    this.drafts.push(token);
    if (token === tokenizer.stopId) return 'stop';
    this.constraint?.accept(token);
    const { text, stopped } = this.stopStrings.push(this.detokenizer.push(token));
    const name = (id: number): string => tokenizer.decode([id], { special: true });
    const logprob = logprobs && {
      token: name(token),
      logprob: logprobs.logprob,
      top: logprobs.top.map((item) => ({ token: name(item.token), logprob: item.logprob })),
    };
    this.say(text, logprob);
    if (stopped) return 'stop';
    return this.answer.length >= this.sampling.maxTokens ? 'length' : undefined;
  }

  finish(finishReason: 'stop' | 'length'): void {
    this.say(this.stopStrings.push(this.detokenizer.end()).text + this.stopStrings.end());
    const { start, prefilled, selected, firstToken } = this.times;
    const now = performance.now();
    const stopped = this.answer.at(-1) === this.model.tokenizer.stopId ? 1 : 0;
    this.emit({
      type: 'done',
      text: this.text,
      finishReason,
      usage: {
        promptTokens: this.promptTokens,
        selectedTokens: this.selectedTokens,
        completionTokens: this.answer.length - stopped,
        cachedTokens: this.cachedTokens,
      },
      evidence: this.evidence.shares(),
      timings: {
        prefillMs: prefilled - start,
        selectMs: selected - prefilled,
        firstTokenMs: firstToken - start,
        decodeMs: now - firstToken,
      },
    });
  }

  private say(text: string, logprob?: Extract<DecodeEvent, { type: 'token' }>['logprob']): void {
    if (text === '' && logprob === undefined) return;
    this.text += text;
    this.emit({ type: 'token', text, logprob });
  }

  private check(segments: readonly TokenRun[]): void {
    const tooLong = [this.prefix, ...segments].find(({ tokens }) => tokens > LONGEST_RUN);
    if (tooLong)
      throw new TesseraError(
        'context_too_long',
        `A segment or prefix has ${tooLong.tokens} tokens; at most ${LONGEST_RUN} fit (256 are best for segments).`,
      );
    if (segments.some(({ tokens }) => tokens === 0))
      throw new TesseraError('invalid_request', 'A segment without tokens cannot be read.');
    if (this.question.tokens === 0)
      throw new TesseraError('invalid_request', 'The question is empty: there is nothing to answer.');
    if (this.sampling.beams > 1 && isWrittenAlone(this.sampling))
      throw new TesseraError(
        'invalid_request',
        'Answers are written side by side (beams) without temperature, stop strings, log-probabilities and schemas only.',
      );
    const [asked, answer] = [this.question.tokens, this.sampling.maxTokens];
    const left = this.positionsLeft - (segments.length > 0 ? PAGE_TOKENS : 0);
    if (left < 0)
      throw new TesseraError(
        'context_too_long',
        `Question and answer may take ${left + asked + answer} tokens together; asked for are ${asked} and ${answer}.`,
      );
  }
}
