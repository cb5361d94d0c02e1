import type { Medium } from '#contracts';
import { readDocument } from '#media';
import { createLogger } from '#platform';
import type { Line } from '../compose/lines.js';
import type { Stage } from '../context.js';
import { documentLines } from './document-lines.js';

const log = createLogger('read');

/** The lines of a medium of kind `text`, each with its page, time, or line. What was left out is logged. */
export async function readLines(
  { blobs, config, models }: Stage,
  medium: Medium,
  signal: AbortSignal,
): Promise<Line[]> {
  await using file = await blobs.local(medium.id, signal);
  const { blocks, warnings } = await readDocument(file.path, {
    facts: medium,
    name: medium.name,
    recognizer: await models.textRecognizer(),
    limits: { maxPages: config.limits.maxPages },
    signal,
  });
  for (const warning of warnings) log.warn({ medium: medium.id }, warning);
  const prompts = await models.prompts();
  return documentLines(medium, blocks, prompts.timeline.lines);
}
