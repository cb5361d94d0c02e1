import type { Medium } from '#contracts';
import type { LanguageModel } from '#decoder';
import { still } from '#media';
import type { Stage } from '../context.js';

/** The picture, or a film's frame at `at` seconds, as JPEG for an engine that looks for itself; undefined for one that reads visual tokens. */
export async function stillFor(
  { blobs, config }: Stage,
  { reads }: Pick<LanguageModel, 'reads'>,
  medium: Medium,
  at: number | undefined,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  if (reads !== 'pictures') return undefined;
  await using file = await blobs.local(medium.id, signal);
  return await still(file.path, { facts: medium, limits: config.limits, at, signal });
}
