import { describeTree } from '#jobs';
import { openTessera } from '#pipeline';
import { loadConfig } from '#platform';
import { detailArgument, evalArguments } from '../arguments.js';
import { bleu4 } from '../metrics/bleu.js';
import { ciderD } from '../metrics/cider.js';
import { rougeL } from '../metrics/rouge.js';
import { captionWords } from '../metrics/words.js';
import { report } from '../report.js';
import { answerAll, fileSource } from './answer-all.js';
import { captionValidation } from './data.js';

/** CIDEr-D, BLEU-4 and ROUGE-L of the shipped pack on the validation split, and how often a caption repeats or loops. `--detail low|high`. */
export async function run(args: string[]): Promise<void> {
  const { data, limit, rest } = evalArguments(args, { show: { type: 'boolean' }, detail: { type: 'string' } });
  const detail = detailArgument(rest);
  const items = (await captionValidation(data)).slice(0, limit);
  const tessera = await openTessera(loadConfig(), { private: true });
  try {
    const started = performance.now();
    const answers = await answerAll(tessera, items, (item) => describeTree(fileSource(data, item.file), { detail }));
    const perPicture = (performance.now() - started) / items.length;
    const captions = answers.map((answer) => answer.text);
    const candidates = captions.map(captionWords);
    const references = items.map((item) => item.captions.map(captionWords));
    if (rest['show']) items.forEach((item, i) => process.stdout.write(`${item.file}\t${captions[i]}\n`));
    report(
      'captions, validation split',
      [
        {
          pack: tessera.pack.manifest.name,
          detail: detail ?? 'auto',
          pictures: items.length,
          'CIDEr-D': ciderD(candidates, references).mean,
          'BLEU-4': bleu4(candidates, references),
          'ROUGE-L': rougeL(candidates, references),
          'repeated %': (100 * (captions.length - new Set(captions).size)) / captions.length,
          'looping %': (100 * candidates.filter(loops).length) / captions.length,
          'ms a picture': perPicture,
        },
      ],
      { pack: tessera.pack.id },
    );
  } finally {
    await tessera.close();
  }
}

/** The same three words again right after themselves. */
function loops(words: string[]): boolean {
  return words.some((_, i) => i + 6 <= words.length && [0, 1, 2].every((k) => words[i + k] === words[i + 3 + k]));
}
