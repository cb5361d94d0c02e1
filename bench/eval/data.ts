import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import { TesseraError } from '#contracts';

const Caption = z.object({ file: z.string(), captions: z.array(z.string()) });
const PictureQuestion = z.object({ file: z.string(), question: z.string(), answer: z.string() });

const Text = z.object({ text: z.string() });

export type CaptionItem = z.infer<typeof Caption>;
export type PictureQuestionItem = z.infer<typeof PictureQuestion>;

async function* rows<T>(file: string, schema: z.ZodType<T>): AsyncGenerator<T> {
  const source = createReadStream(file);
  const input = file.endsWith('.gz') ? source.pipe(createGunzip()) : source;
  source.on('error', (error) => input.destroy(error));
  input.on('error', () => undefined); // The loop below throws it.
  try {
    for await (const line of createInterface({ input })) if (line.trim() !== '') yield schema.parse(JSON.parse(line));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new TesseraError(
      'file_not_found',
      `There is no ${file}. Name the folder of the evaluation data with --data FOLDER.`,
      { cause: error },
    );
  }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** One sentence of what pictures show, each with one full stop. */
export async function captionSentences(data: string): Promise<string[]> {
  const items = await all(rows(join(data, 'text-captions.jsonl.gz'), Text));
  return items.map(({ text }) => `${text.trim().replace(/\.$/, '')}.`);
}

/** What LJSpeech's readers say, in its order. */
export async function speechTexts(data: string): Promise<string[]> {
  return (await all(rows(join(data, 'speech.jsonl'), Text))).map(({ text }) => text);
}

/** The validation split: the last 400 photographs that have five captions. Never trained on. */
export async function captionValidation(data: string): Promise<CaptionItem[]> {
  const items = await all(rows(join(data, 'captions.jsonl'), Caption));
  return items.filter((item) => item.captions.length >= 5).slice(-400);
}

/** As many photographs with five captions that are trained on: those before the validation split. */
export async function captionTraining(data: string): Promise<CaptionItem[]> {
  const items = await all(rows(join(data, 'captions.jsonl'), Caption));
  return items.filter((item) => item.captions.length >= 5).slice(-800, -400);
}

/** The validation split: every question about the last 100 images. Never trained on. */
export async function pictureQuestionValidation(data: string): Promise<PictureQuestionItem[]> {
  const items = await all(rows(join(data, 'vqa.jsonl'), PictureQuestion));
  const files = [...new Set(items.map((item) => item.file))].slice(-100);
  return items.filter((item) => files.includes(item.file));
}
