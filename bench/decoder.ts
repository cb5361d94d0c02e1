import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { DecodeEvent, DecodeRequest, Segment } from '#contracts';
import { createDecoder, type Decoder } from '#decoder';
import { loadConfig } from '#platform';
import { installPack } from '#runtime';
import { openLlamaPeer, type Speed } from './llama-peer.js';
import { median, quantile } from './quantile.js';
import { report, type Row } from './report.js';

const ANSWER_TOKENS = 64;
const SEGMENT_TOKENS = 240;
const WORDS =
  'the a man woman dog boat bridge library garden river opens walks holds sees red blue large small in on near with'.split(
    ' ',
  );

/**
 * Prefill and decode tokens a second by length of the material, against llama.cpp with the same GGUF and threads in the
 * same run. Ours prefills segments and answers from the selected pages. Decoding is compared token by token; drafts
 * from the material, which answers that quote it profit from, have a column of their own. Then many answers at once, and what prefill
 * beside an answer does to it.
 */
export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      lengths: { type: 'string', default: '512,4096,8192' },
      runs: { type: 'string', default: '3' },
      concurrent: { type: 'string', default: '16' },
      // About what is said and shown in an hour of video.
      filled: { type: 'string', default: '20000' },
    },
  });
  const config = loadConfig();
  const threads = config.runtime.threads || availableParallelism();
  const pack = await installPack(config.pack, { cacheDir: config.cacheDir });
  const kvDir = await mkdtemp(join(tmpdir(), 'tessera-bench-'));
  const decoder = await createDecoder({
    pack,
    cacheDir: config.cacheDir,
    kvDir,
    kvMemoryBytes: Math.max(config.decoder.kvMemoryBytes, 2 ** 30),
    kvDiskBytes: 0,
    threads,
  });
  const peer = await openLlamaPeer(pack.path(pack.manifest.decoder.base), threads);
  const rows: Row[] = [];
  try {
    await answer(decoder, request(decoder, 256, 0));
    for (const length of values.lengths.split(',').map(Number)) {
      // Each round measures both, so that a noisy neighbour disturbs both alike; the best round of each counts.
      const mine: Speed[] = [];
      const drafted: Speed[] = [];
      const theirs: Speed[] = [];
      for (let round = 1; round <= Number(values.runs); round++) {
        // Another length has other words: nothing that it reads was read before.
        const seed = length + round;
        mine.push(await answer(decoder, request(decoder, length, seed)));
        drafted.push(await answer(decoder, request(decoder, length, seed, true)));
        theirs.push(await peer.measure(material(decoder, length, seed).join(''), ANSWER_TOKENS));
      }
      const best = (speeds: Speed[], key: 'prefill' | 'decode'): number =>
        Math.max(...speeds.map((speed) => speed[key]));
      rows.push({
        tokens: length,
        'prefill tok/s': best(mine, 'prefill'),
        'llama.cpp prefill': best(theirs, 'prefill'),
        'prefill ratio': best(mine, 'prefill') / best(theirs, 'prefill'),
        'decode tok/s': best(mine, 'decode'),
        'llama.cpp decode': best(theirs, 'decode'),
        'decode ratio': best(mine, 'decode') / best(theirs, 'decode'),
        'with drafts tok/s': best(drafted, 'decode'),
      });
    }
    report(`decoder, one answer at a time, ${threads} threads`, rows, { threads, pack: pack.id });
    const many = Number(values.concurrent);
    // In turn, since one answer waits for memory and many for arithmetic: what else a machine does slows them differently.
    const rounds: [single: number, all: number][] = [];
    for (let round = 0; round < 3; round++) rounds.push([await together(decoder, 1), await together(decoder, many)]);
    const [single, all] = [median(rounds.map(([one]) => one)), median(rounds.map(([, all]) => all))];
    report('decoder, answers at once over 512 tokens each', [
      { answers: 1, 'decode tok/s': single },
      { answers: many, 'decode tok/s': all, 'times one': all / single },
    ]);
    const alone = await gaps(decoder);
    const beside = await whileFilling(decoder, Number(values.filled), () => gaps(decoder));
    report(`decoder, milliseconds between the tokens of an answer over 512 tokens`, [
      { beside: 'nothing', median: quantile(alone, 0.5), p95: quantile(alone, 0.95), largest: Math.max(...alone) },
      {
        beside: `prefill of ${values.filled} tokens`,
        median: quantile(beside, 0.5),
        p95: quantile(beside, 0.95),
        largest: Math.max(...beside),
        'p95, times alone': quantile(beside, 0.95) / quantile(alone, 0.95),
      },
    ]);
  } finally {
    await peer.dispose();
    await decoder.dispose();
    await rm(kvDir, { recursive: true, force: true });
  }
}

/** Lines of seeded words, grouped into segments; another seed shares no segment, so nothing is in a cache. */
function material(decoder: Decoder, tokens: number, seed: number): string[] {
  let state = (seed + 1) * 2_654_435_761;
  const word = (): string => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return WORDS[state % WORDS.length] ?? '';
  };
  const segments: string[] = [];
  for (let total = 0; total < tokens;) {
    let text = '';
    const wanted = Math.min(SEGMENT_TOKENS, tokens - total);
    while (decoder.countTokens(text) < wanted) text += `${Array.from({ length: 8 }, word).join(' ')}.\n`;
    total += decoder.countTokens(text);
    segments.push(text);
  }
  return segments;
}

/** Tokens a second of `count` answers at the same time over material that was read before, questions included. */
async function together(decoder: Decoder, count: number): Promise<number> {
  // Made before the clock runs: counting the tokens of generated material takes longer than an answer's step.
  const requests = Array.from({ length: count }, (_, seed) => request(decoder, 512, 100 + seed));
  const answers = (): Promise<Speed[]> => Promise.all(requests.map((each) => answer(decoder, each)));
  await answers();
  const started = performance.now();
  await answers();
  return (count * ANSWER_TOKENS) / ((performance.now() - started) / 1000);
}

/** Milliseconds between tokens as they arrive here, over three answers about material that was read before. */
async function gaps(decoder: Decoder): Promise<number[]> {
  const all: number[] = [];
  for (let round = 0; round < 3; round++) {
    let last: number | undefined;
    for await (const event of decoder.generate(request(decoder, 512, 9))) {
      if (event.type !== 'token') continue;
      const now = performance.now();
      if (last !== undefined) all.push(now - last);
      last = now;
    }
  }
  return all;
}

/** What `work` gives while new material is prefilled beside it. */
async function whileFilling<T>(decoder: Decoder, tokens: number, work: () => Promise<T>): Promise<T> {
  const filling = new AbortController();
  const filled = (async () => {
    try {
      for await (const _ of decoder.generate(request(decoder, tokens, 77), filling.signal));
    } catch (error) {
      if (!filling.signal.aborted) throw error;
    }
  })();
  const result = await work();
  filling.abort();
  await filled;
  return result;
}

function request(decoder: Decoder, tokens: number, seed: number, drafts = false): DecodeRequest {
  return {
    prefix: [{ type: 'text', text: '<|im_start|>user\n', special: true }],
    segments: material(decoder, tokens, seed).map((text): Segment => ({
      parts: [{ type: 'text', text }],
      span: { mediumId: '0'.repeat(64) },
      quote: text,
    })),
    question: [{ type: 'text', text: '\nGo on.<|im_end|>\n<|im_start|>assistant\n', special: true }],
    // The end token is never chosen, so that both answer the same number of tokens.
    sampling: { maxTokens: ANSWER_TOKENS + 1, logitBias: { '2': -100 } },
    drafts,
  };
}

async function answer(decoder: Decoder, asked: DecodeRequest): Promise<Speed> {
  let done: Extract<DecodeEvent, { type: 'done' }> | undefined;
  for await (const event of decoder.generate(asked)) if (event.type === 'done') done = event;
  if (!done) throw new Error('the decoder ended without a result');
  const { timings, usage } = done;
  return {
    prefill: usage.promptTokens / (timings.firstTokenMs / 1000),
    decode: (usage.completionTokens - 1) / (timings.decodeMs / 1000),
    promptTokens: usage.promptTokens,
  };
}
