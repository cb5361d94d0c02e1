import { resolve } from 'node:path';
import { TesseraError, type Answer, type JobTree } from '#contracts';
import type { Tessera } from '#pipeline';

/** Runs one answer tree per item, a few at a time as the command line does; progress goes to stderr on a terminal. */
export async function answerAll<T>(
  tessera: Tessera,
  items: T[],
  tree: (item: T) => JobTree,
  atOnce = 6,
): Promise<Answer[]> {
  const answers = new Array<Answer>(items.length);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      const id = await tessera.jobs.submit(tree(items[index] as T));
      const answer = (answers[index] = await tessera.jobs.result<'answer'>(id));
      // A measurement of something else than what was asked for is none.
      if (answer.warnings) throw new TesseraError('invalid_request', answer.warnings.join(' '));
      if (process.stderr.isTTY) process.stderr.write(`\r${index + 1}/${items.length}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return answers;
}

export function fileSource(data: string, file: string): { type: 'file'; path: string; name: string } {
  return { type: 'file', path: resolve(data, file), name: file };
}
