import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askTree } from '#jobs';
import { openTessera, type Tessera } from '#pipeline';
import { loadConfig } from '#platform';
import type { Detail, JobTree } from '#contracts';
import { detailArgument, evalArguments } from '../arguments.js';
import { report } from '../report.js';
import { answerAll, fileSource } from './answer-all.js';
import { pictureQuestionValidation, type PictureQuestionItem } from './data.js';

/** DAQUAR's exact match on the validation split, and the same with a blank picture: what language alone gives. `--detail low|high`. */
export async function run(args: string[]): Promise<void> {
  const { data, limit, rest } = evalArguments(args, { detail: { type: 'string' } });
  const detail = detailArgument(rest);
  const items = (await pictureQuestionValidation(data)).slice(0, limit);
  const folder = await mkdtemp(join(tmpdir(), 'tessera-eval-'));
  const tessera = await openTessera(loadConfig(), { private: true });
  try {
    const blank = join(folder, 'blank.svg');
    await writeFile(
      blank,
      '<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256"><rect width="256" height="256" fill="#7f7f7f"/></svg>',
    );
    const withPicture = await exactMatch(tessera, items, detail, (item) => fileSource(data, item.file));
    const withBlank = await exactMatch(tessera, items, detail, () => ({
      type: 'file',
      path: blank,
      name: 'blank.svg',
    }));
    report('picture questions, validation split', [
      { picture: 'real', detail: detail ?? 'auto', questions: items.length, 'exact match %': withPicture },
      { picture: 'blank', detail: detail ?? 'auto', questions: items.length, 'exact match %': withBlank },
    ]);
  } finally {
    await tessera.close();
    await rm(folder, { recursive: true, force: true });
  }
}

type Source = ReturnType<typeof fileSource>;

async function exactMatch(
  tessera: Tessera,
  items: PictureQuestionItem[],
  detail: Detail | undefined,
  source: (item: PictureQuestionItem) => Source,
): Promise<number> {
  const trees = new Map<PictureQuestionItem, JobTree>();
  for (const item of items) trees.set(item, await askTree(`${item.question.trim()}?`, [source(item)], { detail }));
  const answers = await answerAll(tessera, items, (item) => trees.get(item) as JobTree);
  const right = answers.filter((answer, i) => normal(answer.text) === normal(items[i]?.answer ?? '')).length;
  return (100 * right) / Math.max(1, items.length);
}

/** Lower case, underscores as spaces, lists in any order. */
function normal(answer: string): string {
  return answer
    .toLowerCase()
    .replace(/_/g, ' ')
    .replace(/[.?!]+$/, '')
    .split(',')
    .map((part) => part.trim())
    .sort()
    .join(', ');
}
