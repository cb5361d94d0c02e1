import { z } from 'zod';
import { ContentHash, type Medium } from '#contracts';
import { decodeTiles } from '#media';
import { artifactKey } from '../artifact.js';
import type { Stage } from '../context.js';
import { cachedWithBlob, keepWithBlob } from '../derived.js';
import { halves } from './half-precision.js';
import { keepVisual } from './visual-tokens.js';

/** `visual`: null of a picture that is too small to be cut. */
const Tiles = z.object({ visual: ContentHash.nullable() });

/**
 * The quarters of a picture as visual tokens: the id of a blob of half precision [4, rows, d] in reading order, kept by content;
 * undefined of a picture with a side of one pixel. They are looked at when an answer needs them: a question about what is
 * written in a picture does not, nor do timelines.
 */
export async function seeTiles(stage: Stage, medium: Medium, signal: AbortSignal): Promise<string | undefined> {
  const { blobs, config, models, records } = stage;
  const key = artifactKey('tiles', medium.id, models.pack.id);
  const known = await cachedWithBlob(stage, key, Tiles, ({ visual }) => visual);
  if (known) return known.visual ?? undefined;

  const vision = await models.vision();
  await using file = await blobs.local(medium.id, signal);
  const tiles = await decodeTiles(file.path, { size: vision.size, limits: config.limits, signal });
  const pictures = tiles.map(({ rgb }) => rgb);
  if (pictures.length === 0) {
    await records.putArtifact(key, { visual: null });
    return undefined;
  }
  const visual = await keepVisual(stage, [halves(await vision.encode(pictures, { signal }))]);
  return (await keepWithBlob(stage, key, Tiles, { visual }, visual)).visual ?? undefined;
}
