import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Answer } from '#contracts';
import { askTree, composeTree } from '#jobs';
import { openTessera, type Tessera } from '#pipeline';
import { loadConfig } from '#platform';
import { evalArguments } from '../arguments.js';
import { median } from '../quantile.js';
import { report, type Row } from '../report.js';
import { captionValidation } from './data.js';
import { Random } from './mosaic/random.js';
import { render, type Rendered } from './mosaic/render.js';
import { judge, type Truth, type Verdict } from './mosaic/score.js';
import { KINDS, plainPhotographs, writeScript, type Question, type Script } from './mosaic/script.js';

const FILMS = 5;

interface Judged extends Verdict {
  question: Question;
  answer: Answer;
}

/**
 * Films rendered from seeded scripts (photographs of the validation split, synthetic speech, slides) with a page of notes
 * each: share of right answers and of answers that cite the true span, by kind of question.
 * `--limit N` renders N films of five; `--seed N`, or several with commas between, each a row and all together; `--show` prints every answer.
 */
export async function run(args: string[]): Promise<void> {
  const { data, limit, rest } = evalArguments(args, { seed: { type: 'string' }, show: { type: 'boolean' } });
  const seeds = String(rest['seed'] ?? 7)
    .split(',')
    .map(Number);
  const photographs = plainPhotographs(await captionValidation(data));
  const folder = await mkdtemp(join(tmpdir(), 'tessera-mosaic-'));
  const tessera = await openTessera(loadConfig(), { private: true });
  try {
    const clock: Clock = { films: 0, seconds: 0, shown: 0 };
    const bySeed: Judged[][] = [];
    for (const seed of seeds) {
      const random = new Random(seed);
      const scripts = Array.from({ length: limit ?? FILMS }, (_, index) => writeScript(index, random, photographs));
      const judged: Judged[] = [];
      for (const script of scripts) judged.push(...(await film(tessera, script, { data, folder, clock })));
      bySeed.push(judged);
    }
    const judged = bySeed.flat();
    if (rest['show']) judged.forEach(show);
    const each = seeds.length > 1 ? bySeed.flatMap((some, i) => [row(`seed ${seeds[i]}: when`, some.filter(isWhen)), row(`seed ${seeds[i]}: all`, some)]) : []; // prettier-ignore
    report('mosaic', [...each, ...table(judged)], {
      pack: tessera.pack.id,
      films: clock.films,
      ...(clock.seconds > 0 ? { 'times real time, file to answerable': clock.shown / clock.seconds } : {}),
    });
  } finally {
    await tessera.close();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Clock {
  films: number;
  /** From file to answerable, and of film; without the first film, which waits for the models to load. */
  seconds: number;
  shown: number;
}

async function film(
  tessera: Tessera,
  script: Script,
  { data, folder, clock }: { data: string; folder: string; clock: Clock },
): Promise<Judged[]> {
  const rendered = await render(script, data, folder);
  const started = performance.now();
  await tessera.jobs.result(await tessera.jobs.submit(await composeTree(source(rendered.film))));
  if (clock.films++ > 0) {
    clock.seconds += (performance.now() - started) / 1000;
    clock.shown += rendered.scenes.at(-1)?.end ?? 0;
  }
  const judged: Judged[] = [];
  for (const question of script.questions) judged.push(await ask(tessera, question, rendered));
  return judged;
}

const source = (path: string) => ({ type: 'file' as const, path, name: basename(path) });

async function ask(tessera: Tessera, question: Question, { film, notes, scenes }: Rendered): Promise<Judged> {
  const id = await tessera.jobs.submit(await askTree(question.text, [source(film), source(notes)]));
  const answer = await tessera.jobs.result<'answer'>(id);
  const truth: Truth = { question, scenes, film: basename(film), notes: basename(notes) };
  return { question, answer, ...judge(answer, truth) };
}

const isWhen = ({ question }: Judged): boolean => question.kind.startsWith('when');

const row = (name: string, items: Judged[]): Row => ({
  question: name,
  asked: items.length,
  'right %': (100 * items.filter((item) => item.right).length) / Math.max(1, items.length),
  'cited %': (100 * items.filter((item) => item.cited).length) / Math.max(1, items.length),
  'first token ms': median(items.map((item) => item.answer.timings['first_token_ms'] ?? 0)),
});

function table(judged: Judged[]): Row[] {
  const kinds = KINDS.map((kind) => row(kind, judged.filter((item) => item.question.kind === kind))); // prettier-ignore
  return [...kinds, row('when, both', judged.filter(isWhen)), row('all', judged)];
}

function show({ question, answer, right, cited }: Judged): void {
  const marks = `${right ? 'right' : 'WRONG'} ${cited ? 'cited' : 'NOT CITED'}`;
  const places = answer.citations.map(
    ({ input, start, line, quote }) => `${input}@${start ?? `line ${line}`} "${quote}"`,
  );
  process.stdout.write(`${marks}\t${question.kind}\t${question.text}\t${answer.text}\t${places.join(' · ')}\n`);
}
