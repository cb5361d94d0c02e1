import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { askTree } from '#jobs';
import { openTessera, type Tessera } from '#pipeline';
import { loadConfig } from '#platform';
import { projectRoot } from '#runtime';
import type { SamplingInput } from '#contracts';
import { evalArguments } from '../arguments.js';
import { captionWords } from '../metrics/words.js';
import { report } from '../report.js';
import { answerAll, fileSource } from './answer-all.js';
import { captionTraining, captionValidation, type CaptionItem } from './data.js';
import { Random } from './mosaic/random.js';

/** Things that captions name, with other words for them. */
const OBJECTS = join(projectRoot(), 'training/tessera_training/objects.json');

interface YesOrNo {
  file: string;
  question: string;
  answer: 'yes' | 'no';
}

/**
 * "Is there a dog in the picture?" about each validation photograph: once about something that two captions or more name, and once
 * about something that none names, as frequent elsewhere. `--train` asks about as many training photographs: by these the pack's bias is chosen.
 */
export async function run(args: string[]): Promise<void> {
  const { data, limit, rest } = evalArguments(args, { train: { type: 'boolean' } });
  const photographs = await (rest['train'] ? captionTraining(data) : captionValidation(data));
  const objects = z.record(z.string(), z.array(z.string())).parse(JSON.parse(await readFile(OBJECTS, 'utf8')));
  const items = questions(photographs, new Map(Object.entries(objects))).slice(0, limit);
  const tessera = await openTessera(loadConfig(), { private: true });
  try {
    const bias = (await tessera.models.prompts()).picture_question.logit_bias ?? {};
    const none = Object.fromEntries(Object.keys(bias).map((token) => [token, 0]));
    report(`yes or no, ${rest['train'] ? 'training photographs' : 'validation split'}`, [
      { 'bias of yes': 'as in the pack', ...(await ask(tessera, data, items)) },
      { 'bias of yes': 'none', ...(await ask(tessera, data, items, { logitBias: none })) },
    ]);
  } finally {
    await tessera.close();
  }
}

async function ask(tessera: Tessera, data: string, items: YesOrNo[], sampling?: SamplingInput) {
  const trees = new Map(
    await Promise.all(
      items.map(async (item) => {
        const tree = await askTree(item.question, [fileSource(data, item.file)], { ...(sampling ? { sampling } : {}) });
        return [item, tree] as const;
      }),
    ),
  );
  const answers = await answerAll(tessera, items, (item) => trees.get(item)!);
  const share = (of: (text: string, item: YesOrNo) => boolean): number =>
    (100 * answers.filter(({ text }, i) => of(text.toLowerCase(), items[i]!)).length) / items.length;
  return {
    questions: items.length,
    'right %': share((text, { answer }) => text.startsWith(answer)),
    'said yes %': share((text) => text.startsWith('yes')),
  };
}

function questions(photographs: CaptionItem[], objects: Map<string, string[]>): YesOrNo[] {
  const random = new Random(7);
  const named = photographs.map(({ captions }) => captions.map(wordsOf));
  const common = [...objects.keys()].flatMap((object) =>
    // As often in this list as photographs show it: drawn from it, absent things are as frequent as present ones.
    named.filter((captions) => captions.some((words) => words.has(object))).map(() => object),
  );
  return photographs.flatMap(({ file }, i) => {
    const captions = named[i]!;
    const holds = (word: string): boolean => captions.some((words) => words.has(word));
    const present = [...objects.keys()].filter((object) => captions.filter((words) => words.has(object)).length >= 2);
    const absent = common.filter((object) => ![object, ...objects.get(object)!].some(holds));
    if (present.length === 0 || absent.length === 0) return [];
    const about = (object: string, answer: 'yes' | 'no'): YesOrNo => {
      const article = /^[aeiou]/.test(object) ? 'an' : 'a';
      return { file, question: `Is there ${article} ${object} in the picture?`, answer };
    };
    return [about(random.pick(present), 'yes'), about(random.pick(absent), 'no')];
  });
}

/** Words of a caption, plurals in the singular too. */
function wordsOf(caption: string): Set<string> {
  const words = captionWords(caption);
  return new Set([...words, ...words.filter((word) => word.endsWith('s')).map((word) => word.slice(0, -1))]);
}
