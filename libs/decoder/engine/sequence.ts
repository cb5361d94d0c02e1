import { TesseraError, Sampling, type DecodeEvent, type DecodeRequest } from '#contracts';
import { prefixAddress, segmentAddress } from '../pool/content-address.js';
import type { PageDemand, PageRun } from '../pool/page-pool.js';
import type { WorkingSet } from '../runner/arena.js';
import type { DecoderModel } from '../runner/model.js';
import { Sampler } from '../sampler/sampler.js';
import { StopStrings } from '../sampler/stop-strings.js';
import { Evidence, type RowSegments } from './evidence.js';
import { tokenise, type TokenRun } from './tokens.js';

/** Longest segment or prefix that is prefilled in one piece. */
const LONGEST_RUN = 1024;

/** One request on its way: what it reads, where that lies, and what has come of it. */
export class Sequence {
  readonly prefix: TokenRun;
  readonly segments: TokenRun[];
  readonly question: TokenRun;
  readonly sampling: Sampling;
  readonly sampler: Sampler;
  readonly stopStrings: StopStrings;
  readonly detokenizer;
  /** Prefix first, when there is one, then the segments. */
  readonly demands: PageDemand[];
  /** As many as demands once pages are acquired; all pinned. */
  runs: PageRun[] = [];
  working: WorkingSet | undefined;
  /** Tokens of the answer so far, the last of which is not yet in the working set. */
  readonly answer: number[] = [];
  text = '';
  cachedTokens = 0;
  selectedTokens = 0;
  readonly evidence: Evidence;
  /** Per evidence layer, once the working set is made. */
  rowSegments: RowSegments[] = [];
  readonly times = { start: performance.now(), prefilled: 0, selected: 0, firstToken: 0 };
  prefilledTokens = 0;

  constructor(
    readonly id: number,
    readonly request: DecodeRequest,
    model: DecoderModel,
    packId: string,
    private readonly emit: (event: DecodeEvent) => void,
  ) {
    const read = (parts: DecodeRequest['prefix']): TokenRun => tokenise(parts, model.tokenizer, model.embeddings);
    this.prefix = read(request.prefix);
    this.segments = request.segments.map((segment) => read(segment.parts));
    this.question = read(request.question);
    this.sampling = Sampling.parse(request.sampling);
    this.check(model);
    const address = prefixAddress(packId, this.prefix.pieces);
    this.demands = [
      ...(this.prefix.tokens > 0 ? [{ address, tokens: this.prefix.tokens }] : []),
      ...this.segments.map(({ pieces, tokens }) => ({ address: segmentAddress(address, pieces), tokens })),
    ];
    this.sampler = new Sampler(this.sampling, { vocabulary: model.config.vocabulary, prompt: this.question.ids });
    this.stopStrings = new StopStrings(this.sampling.stop);
    this.detokenizer = model.tokenizer.detokenizer();
    this.evidence = new Evidence(this.segments.length);
  }

  get hasPrefix(): boolean {
    return this.prefix.tokens > 0;
  }

  get segmentTokens(): number {
    return this.segments.reduce((sum, { tokens }) => sum + tokens, 0);
  }

  get promptTokens(): number {
    return this.prefix.tokens + this.segmentTokens + this.question.tokens;
  }

  get prefixRun(): PageRun | undefined {
    return this.hasPrefix ? this.runs[0] : undefined;
  }

  get segmentRuns(): PageRun[] {
    return this.runs.slice(this.hasPrefix ? 1 : 0);
  }

  /** The run behind a demand. */
  source(index: number): TokenRun {
    return this.hasPrefix ? (index === 0 ? this.prefix : this.segments[index - 1]!) : this.segments[index]!;
  }

  progress(tokens: number, total: number): void {
    this.prefilledTokens += tokens;
    this.emit({ type: 'prefill', done: this.prefilledTokens, total });
  }

  /** Takes in the token chosen from `logits`. @returns why the answer ends here, if it does */
  accept(logits: Float32Array, model: DecoderModel): 'stop' | 'length' | undefined {
    const { token, logprobs } = this.sampler.sample(logits);
    if (this.answer.length === 0) this.times.firstToken = performance.now();
    this.answer.push(token);
    if (token === model.tokenizer.stopId) return 'stop';
    const piece = this.detokenizer.push(token);
    const { text, stopped } = this.stopStrings.push(piece);
    const name = (id: number): string => model.tokenizer.decode([id], { special: true });
    const logprob = logprobs && {
      token: name(token),
      logprob: logprobs.logprob,
      top: logprobs.top.map((item) => ({ token: name(item.token), logprob: item.logprob })),
    };
    this.say(text, logprob);
    if (stopped) return 'stop';
    return this.answer.length >= this.sampling.maxTokens ? 'length' : undefined;
  }

  finish(finishReason: 'stop' | 'length', model: DecoderModel): void {
    this.say(this.stopStrings.push(this.detokenizer.end()).text + this.stopStrings.end());
    const { start, prefilled, selected, firstToken } = this.times;
    const now = performance.now();
    const stopped = this.answer.at(-1) === model.tokenizer.stopId ? 1 : 0;
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

  private check(model: DecoderModel): void {
    const tooLong = [this.prefix, ...this.segments].find(({ tokens }) => tokens > LONGEST_RUN);
    if (tooLong)
      throw new TesseraError(
        'context_too_long',
        `A segment or prefix has ${tooLong.tokens} tokens; at most ${LONGEST_RUN} fit (256 are best).`,
      );
    if (this.segments.some(({ tokens }) => tokens === 0))
      throw new TesseraError('invalid_request', 'A segment without tokens cannot be read.');
    if (this.question.tokens === 0)
      throw new TesseraError('invalid_request', 'The question is empty: there is nothing to answer.');
    const { contextLength } = model.config;
    if (this.question.tokens + this.sampling.maxTokens > contextLength)
      throw new TesseraError(
        'context_too_long',
        `Question and answer may take ${contextLength} tokens together; asked for are ${this.question.tokens} and ${this.sampling.maxTokens}.`,
      );
  }
}
