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
import { KINDS, plainPhotographs, writeScript, type Question } from './mosaic/script.js';

const FILMS = 5;

interface Judged extends Verdict {
  question: Question;
  answer: Answer;
}

/**
 * Films rendered from seeded scripts (photographs of the validation split, synthetic speech, slides) with a page of notes
 * each: share of right answers and of answers that cite the true span, by kind of question.
 * `--limit N` renders N films of five; `--seed N`; `--show` prints every answer.
 */
export async function run(args: string[]): Promise<void> {
  const { data, limit, rest } = evalArguments(args, { seed: { type: 'string' }, show: { type: 'boolean' } });
  const random = new Random(Number(rest['seed'] ?? 7));
  const photographs = plainPhotographs(await captionValidation(data));
  const scripts = Array.from({ length: limit ?? FILMS }, (_, index) => writeScript(index, random, photographs));
  const folder = await mkdtemp(join(tmpdir(), 'tessera-mosaic-'));
  const tessera = await openTessera(loadConfig(), { private: true });
  try {
    const judged: Judged[] = [];
    let ready = 0;
    let shown = 0;
    for (const [index, script] of scripts.entries()) {
      const rendered = await render(script, data, folder);
      const started = performance.now();
      await tessera.jobs.result(await tessera.jobs.submit(await composeTree(source(rendered.film))));
      // The first film waits for the models to load.
      if (index > 0) {
        ready += performance.now() - started;
        shown += rendered.scenes.at(-1)?.end ?? 0;
      }
      for (const question of script.questions) judged.push(await ask(tessera, question, rendered));
    }
    if (rest['show']) judged.forEach(show);
    report('mosaic', table(judged), {
      pack: tessera.pack.id,
      films: scripts.length,
      ...(ready > 0 ? { 'times real time, file to answerable': shown / (ready / 1000) } : {}),
    });
  } finally {
    await tessera.close();
    await rm(folder, { recursive: true, force: true });
  }
}

const source = (path: string) => ({ type: 'file' as const, path, name: basename(path) });

async function ask(tessera: Tessera, question: Question, { film, notes, scenes }: Rendered): Promise<Judged> {
  const id = await tessera.jobs.submit(await askTree(question.text, [source(film), source(notes)]));
  const answer = await tessera.jobs.result<'answer'>(id);
  const truth: Truth = { question, scenes, film: basename(film), notes: basename(notes) };
  return { question, answer, ...judge(answer, truth) };
}

function table(judged: Judged[]): Row[] {
  const row = (kind: string, items: Judged[]): Row => ({
    question: kind,
    asked: items.length,
    'right %': (100 * items.filter((item) => item.right).length) / Math.max(1, items.length),
    'cited %': (100 * items.filter((item) => item.cited).length) / Math.max(1, items.length),
    'first token ms': median(items.map((item) => item.answer.timings['first_token_ms'] ?? 0)),
  });
  const kinds = KINDS.map((kind) => row(kind, judged.filter((item) => item.question.kind === kind))); // prettier-ignore
  return [...kinds, row('all', judged)];
}

function show({ question, answer, right, cited }: Judged): void {
  const marks = `${right ? 'right' : 'WRONG'} ${cited ? 'cited' : 'NOT CITED'}`;
  const places = answer.citations.map(
    ({ input, start, line, quote }) => `${input}@${start ?? `line ${line}`} "${quote}"`,
  );
  process.stdout.write(`${marks}\t${question.kind}\t${question.text}\t${answer.text}\t${places.join(' · ')}\n`);
}
