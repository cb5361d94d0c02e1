import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { TesseraError, type DecodeEvent } from '#contracts';
import { createDecoder, type Decoder } from '#decoder';
import { loadConfig } from '#platform';
import { installPack, type SelectOptions } from '#runtime';
import { cite } from '../../libs/pipeline/answer/citations.js';
import { focus } from '../../libs/pipeline/answer/focus.js';
import { lexicalPrior } from '../../libs/pipeline/answer/lexical.js';
import type { Line } from '../../libs/pipeline/compose/lines.js';
import { timelineSequence, type Sequence } from '../../libs/pipeline/answer/sequence.js';
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

/** How an answer is read: what is selected, and whether words that the question shares with a segment lift it. */
interface Mode {
  name: string;
  prior: boolean;
  /** Related lines first, as the product asks (docs/decisions/0002), and its citations. */
  product?: boolean;
  dense?: boolean;
}

const MODES: Mode[] = [
  { name: 'as the product asks', prior: true, product: true },
  { name: 'selection and words', prior: true },
  { name: 'selection', prior: false },
  { name: 'everything (dense)', prior: false, dense: true },
];

/**
 * Questions about seeded timelines of growing length, read from the pages that selection chooses, with and without the
 * lexical prior, and from everything where that can run: accuracy by kind, citations by attention, times, memory.
 */
export async function run(args: string[]): Promise<void> {
  const { data, rest } = evalArguments(args, {
    lengths: { type: 'string' },
    timelines: { type: 'string' },
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
      const modes = MODES.filter(({ dense }) => !dense || length <= DENSE_UP_TO).map((mode) => new Tally(mode));
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
    for (const question of timeline.questions) {
      const started = performance.now();
      const related = tally.mode.product ? focus(question.text, whole) : undefined;
      const segments = related
        ? segmentLines(related, (text) => decoder.countTokens(text), prompts.timeline.segment_tokens)
        : whole;
      const prior = tally.mode.prior ? lexicalPrior(question.text, segments) : undefined;
      const choosing = performance.now() - started;
      const done = await answer(decoder, timelineSequence(prompts, segments, question.text), {
        selectedTokens: tally.mode.dense ? 2 * DENSE_UP_TO : budget,
        prior,
      });
      tally.add(question, done, segments, choosing);
    }
}

/** As the product cuts a timeline: whole lines, up to so many tokens. */
function segmentsOf(timeline: Timeline, { decoder, prompts }: Asked): TimelineSegment[] {
  const lines = timeline.lines.map((text, i): Line => ({
    text,
    span: { mediumId: MEDIUM, start: i, end: i + 1 },
    quote: text.replace(/^\[[\d:]+\] /, '').trim(),
  }));
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

  constructor(readonly mode: Mode) {}

  /** @param choosing milliseconds that were spent on words before the decoder was asked */
  add(question: Question, done: Done, segments: TimelineSegment[], choosing: number): void {
    const kind = this.kinds.get(question.kind) ?? { right: 0, asked: 0 };
    const right = isRight(question, done.text);
    this.kinds.set(question.kind, { right: kind.right + (right ? 1 : 0), asked: kind.asked + 1 });
    if (right && question.kind === 'fact') {
      const holds = this.mode.product ? citedLines(question, done, segments) : rankedSegments(question, done, segments);
      this.cited.of++;
      if (holds[0]) this.cited.first++;
      if (holds.slice(0, 3).some(Boolean)) this.cited.three++;
    }
    const { usage, timings } = done;
    const computed = usage.promptTokens - usage.cachedTokens;
    if (computed > usage.promptTokens / 2) this.prefill = computed / (timings.prefillMs / 1000);
    else this.first.push(choosing + timings.firstTokenMs);
    if (usage.completionTokens > 4) this.speeds.push((usage.completionTokens - 1) / (timings.decodeMs / 1000));
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

/** Of the segments by attention mass: whether each holds a line that the question is about. */
function rankedSegments({ lines }: Question, { evidence }: Done, segments: TimelineSegment[]): boolean[] {
  const ranked = [...evidence.keys()].sort((a, b) => evidence[b]! - evidence[a]!);
  return ranked.map((at) => segments[at]!.lines.some(({ span }) => lines.includes(span.start!)));
}

/** Of the product's citations. */
function citedLines(question: Question, done: Done, segments: TimelineSegment[]): boolean[] {
  const { text: answered, evidence } = done;
  const citations = cite({ question: question.text, answer: answered, segments, evidence, media: new Map() });
  return citations.map(({ start }) => question.lines.includes(start!));
}
