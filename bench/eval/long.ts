import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { JOBS, TesseraError, type DecodeEvent } from '#contracts';
import { createDecoder, type Decoder } from '#decoder';
import { loadConfig } from '#platform';
import { installPack, type SelectOptions } from '#runtime';
import { cite } from '../../libs/pipeline/answer/citations.js';
import { focus } from '../../libs/pipeline/answer/focus.js';
import { lexicalPrior } from '../../libs/pipeline/answer/words/lexical.js';
import type { Line } from '../../libs/pipeline/compose/lines.js';
import { timelineSequence, type Sequence } from '../../libs/pipeline/answer/sequence.js';
import { askSegments } from '../../libs/pipeline/answer/timeline.js';
import { segmentLines, type TimelineSegment } from '../../libs/pipeline/compose/segments.js';
import { readPrompts, type Prompts } from '../../libs/pipeline/models/prompts.js';
import { evalArguments } from '../arguments.js';
import { median } from '../quantile.js';
import { report, type Row } from '../report.js';
import { captionSentences } from './data.js';
import { isRight, makeTimeline, type Kind, type Question, type Timeline } from './long/timeline.js';

const MEDIUM = '0'.repeat(64);
/** Everything is selected up to here where dense attention is asked for: beyond, positions were never trained. */
const DENSE_UP_TO = 8192;
const BYTES_PER_TOKEN = 13_000;

/** Who is asked: the product, look-ups and all, or the decoder alone, with what it reads. */
type Mode = { name: string } & (
  | { asks: 'product'; /** The questions in other words. */ again?: boolean }
  | {
      asks: 'decoder';
      /** Words that the question shares with a segment lift it. */
      prior: boolean;
      /** Only lines that are related to the question (docs/decisions/0002), and the product's citations. */
      related?: boolean;
      dense?: boolean;
    }
);

const MODES: Mode[] = [
  { name: 'product', asks: 'product' },
  { name: 'product, in other words', asks: 'product', again: true },
  { name: 'model: related lines', asks: 'decoder', prior: true, related: true },
  { name: 'model: selection and words', asks: 'decoder', prior: true },
  { name: 'model: selection', asks: 'decoder', prior: false },
  { name: 'model: everything (dense)', asks: 'decoder', prior: false, dense: true },
];

/**
 * Questions about seeded timelines of growing length: to the product, as its answer job asks them and in other words, and to the
 * decoder alone, which reads related lines, the pages that selection chooses, or everything where that can run. Accuracy by
 * kind, citations, times, memory. `--modes product` asks only those whose name begins so;
 * `--show` prints every wrong answer.
 */
export async function run(args: string[]): Promise<void> {
  const { data, rest } = evalArguments(args, {
    lengths: { type: 'string' },
    timelines: { type: 'string' },
    modes: { type: 'string' },
    show: { type: 'boolean' },
    budget: { type: 'string' },
    score: { type: 'string' },
    group: { type: 'string' },
  });
  const lengths = String(rest['lengths'] ?? '2000,8000,32000,128000')
    .split(',')
    .map(Number);
  const timelines = Number(rest['timelines'] ?? 3);
  const budget = Number(rest['budget'] ?? 1024);
  const selection: SelectOptions = {
    score: rest['score'] === 'log-sum-exp' ? 'log-sum-exp' : 'max',
    group: Number(rest['group'] ?? 1),
  };
  const sentences = await captionSentences(data);
  const config = loadConfig();
  const pack = await installPack(config.pack, { cacheDir: config.cacheDir, dataDir: config.dataDir });
  const prompts = await readPrompts(pack.path(pack.manifest.decoder.prompts));
  const rows: Row[] = [];
  for (const length of lengths) {
    const kvDir = await mkdtemp(join(tmpdir(), 'tessera-eval-'));
    const decoder = await createDecoder({
      pack,
      cacheDir: config.cacheDir,
      kvDir,
      kvMemoryBytes: Math.max(2 ** 28, length * BYTES_PER_TOKEN * 1.3),
      kvDiskBytes: 0,
      threads: config.runtime.threads || availableParallelism(),
      selection,
    });
    try {
      const modes = MODES.filter((mode) => mode.name.startsWith(String(rest['modes'] ?? '')))
        .filter((mode) => mode.asks === 'product' || !mode.dense || length <= DENSE_UP_TO)
        .map((mode) => new Tally(mode, rest['show'] === true));
      // Very long material is read once: its questions are as many as those of several short ones.
      const count = length >= 100_000 ? 1 : timelines;
      for (let seed = 1; seed <= count; seed++)
        await ask({ decoder, prompts }, length, seed, sentences, { modes, budget });
      rows.push(...modes.map((tally) => tally.row(length)));
      if (process.stderr.isTTY) process.stderr.write(`${length} tokens done\n`);
    } finally {
      await decoder.dispose();
      await rm(kvDir, { recursive: true, force: true });
    }
  }
  report('questions about long timelines', rows, { budget, ...selection, pack: pack.id });
}

/** What answers, and how it is asked. */
interface Asked {
  decoder: Decoder;
  prompts: Prompts;
}

async function ask(
  { decoder, prompts }: Asked,
  length: number,
  seed: number,
  sentences: string[],
  { modes, budget }: { modes: Tally[]; budget: number },
): Promise<void> {
  const timeline = makeTimeline(seed * 7919 + length, length, sentences, (text) => decoder.countTokens(text));
  const whole = segmentsOf(timeline, { decoder, prompts });
  for (const tally of modes)
    for (const question of timeline.questions)
      tally.add(
        question,
        tally.mode.asks === 'product'
          ? await askProduct({ decoder, prompts }, tally.mode.again ? question.again : question.text, whole, budget)
          : await askModel({ decoder, prompts }, question.text, whole, { ...tally.mode, budget }),
      );
}

/** An answer, and what the tally needs of how it was made. */
interface Told {
  text: string;
  /** Lines it is said to rest on, by their numbers, the surest first: a citation is one line, a segment several. */
  cited: number[][];
  firstTokenMs: number;
  /** Tokens per second, where enough were made to tell. */
  prefill?: number;
  decode?: number;
}

const lineOf = ({ start }: { start?: number | null }): number => start ?? -1;

/** Through the code of the answer job. */
async function askProduct(
  { decoder, prompts }: Asked,
  question: string,
  whole: TimelineSegment[],
  selectedTokens: number,
): Promise<Told> {
  const reader = {
    models: {
      prompts: async () => prompts,
      tokenCounter: async () => (text: string) => decoder.countTokens(text),
      decoder: async () => decoder,
    },
  };
  const payload = JOBS.answer.payload.parse({
    task: { type: 'ask', question },
    inputs: [],
    sampling: {},
    selectedTokens,
  });
  const request = { payload, whole, media: new Map(), question, started: performance.now() };
  const telling = { emit: () => undefined, signal: new AbortController().signal, priority: 'interactive' as const };
  const { text, citations, timings } = await askSegments(reader, request, telling);
  const choosing = (timings['answer_ms'] ?? 0) - (timings['decode_ms'] ?? 0);
  return { text, cited: citations.map((citation) => [lineOf(citation)]), firstTokenMs: choosing };
}

async function askModel(
  { decoder, prompts }: Asked,
  question: string,
  whole: TimelineSegment[],
  { prior, related, dense, budget }: Extract<Mode, { asks: 'decoder' }> & { budget: number },
): Promise<Told> {
  const started = performance.now();
  const lines = related ? focus(question, whole) : undefined;
  const segments = lines
    ? segmentLines(lines, (text) => decoder.countTokens(text), prompts.timeline.segment_tokens)
    : whole;
  const weights = prior ? lexicalPrior(question, segments) : undefined;
  const choosing = performance.now() - started;
  const done = await answer(decoder, timelineSequence(prompts, segments, question), {
    selectedTokens: dense ? 2 * DENSE_UP_TO : budget,
    prior: weights,
  });
  const { usage, timings } = done;
  const computed = usage.promptTokens - usage.cachedTokens;
  return {
    text: done.text,
    cited: related ? citedLines(question, done, segments) : rankedSegments(done, segments),
    firstTokenMs: choosing + timings.firstTokenMs,
    ...(computed > usage.promptTokens / 2 ? { prefill: computed / (timings.prefillMs / 1000) } : {}),
    ...(usage.completionTokens > 4 ? { decode: (usage.completionTokens - 1) / (timings.decodeMs / 1000) } : {}),
  };
}

/** As the product composes and cuts a timeline: whole lines, up to so many tokens. */
function segmentsOf(timeline: Timeline, { decoder, prompts }: Asked): TimelineSegment[] {
  const lines = timeline.lines.map((text, i): Line => {
    const { picture, quote = '' } = /^\[[\d:]+\] (?<picture>Picture: )?(?<quote>.*)/.exec(text)?.groups ?? {};
    return { text, span: { mediumId: MEDIUM, start: i, end: i + 1 }, quote, kind: picture ? 'seen' : 'said' };
  });
  return segmentLines(lines, (text) => decoder.countTokens(text), prompts.timeline.segment_tokens);
}

type Done = Extract<DecodeEvent, { type: 'done' }>;

async function answer(
  decoder: Decoder,
  { prefix, segments, question, maxTokens }: Sequence,
  options: { selectedTokens: number; prior: number[] | undefined },
): Promise<Done> {
  const events = decoder.generate({ prefix, segments, question, sampling: { maxTokens }, ...options });
  for await (const event of events) if (event.type === 'done') return event;
  throw new TesseraError('decoder_failed', 'The decoder ended without an answer.');
}

/** What one mode made of the questions of one length. */
class Tally {
  private readonly kinds = new Map<Kind, { right: number; asked: number }>();
  private readonly cited = { first: 0, three: 0, of: 0 };
  private readonly first: number[] = [];
  private readonly speeds: number[] = [];
  private prefill = 0;

  constructor(
    readonly mode: Mode,
    private readonly show: boolean,
  ) {}

  add(question: Question, { text, cited, firstTokenMs, prefill, decode }: Told): void {
    const kind = this.kinds.get(question.kind) ?? { right: 0, asked: 0 };
    const right = isRight(question, text);
    this.kinds.set(question.kind, { right: kind.right + (right ? 1 : 0), asked: kind.asked + 1 });
    if (this.show && !right)
      process.stdout.write(`${this.mode.name}\t${question.text}\t${question.values.join(', ')}\t${text}\n`);
    if (right && question.kind === 'fact') {
      const holds = cited.map((lines) => lines.some((line) => question.lines.includes(line)));
      this.cited.of++;
      if (holds[0]) this.cited.first++;
      if (holds.slice(0, 3).some(Boolean)) this.cited.three++;
    }
    if (prefill === undefined) this.first.push(firstTokenMs);
    else this.prefill = prefill;
    if (decode !== undefined) this.speeds.push(decode);
  }

  row(length: number): Row {
    const share = (kind: Kind): string => {
      const { right, asked } = this.kinds.get(kind) ?? { right: 0, asked: 0 };
      return `${right}/${asked}`;
    };
    const percent = (hits: number): string =>
      this.cited.of > 0 ? `${Math.round((100 * hits) / this.cited.of)} %` : '–';
    return {
      tokens: length,
      reads: this.mode.name,
      fact: share('fact'),
      'three keys': share('three keys'),
      count: share('count'),
      order: share('order'),
      absent: share('absent'),
      'cited first': percent(this.cited.first),
      'among three': percent(this.cited.three),
      'first token ms': median(this.first),
      'decode tok/s': median(this.speeds),
      ...(this.prefill > 0 ? { 'prefill tok/s': this.prefill } : {}),
      'resident GiB': process.memoryUsage.rss() / 2 ** 30,
    };
  }
}

/** Lines of the segments, by attention mass. */
function rankedSegments({ evidence }: Done, segments: TimelineSegment[]): number[][] {
  const ranked = [...evidence.keys()].sort((a, b) => evidence[b]! - evidence[a]!);
  return ranked.map((at) => segments[at]!.lines.map(({ span }) => lineOf(span)));
}

function citedLines(question: string, { text: answered, evidence }: Done, segments: TimelineSegment[]): number[][] {
  const citations = cite({ question, answer: answered, segments, evidence, media: new Map() });
  return citations.map((citation) => [lineOf(citation)]);
}
