import { createHash } from 'node:crypto';

/**
 * The content address of a derived result: equal inputs, options and weights give an equal key, so the same file is
 * never encoded twice. Raise a stage's version when its output changes for the same inputs.
 */
export function artifactKey(stage: keyof typeof STAGE_VERSIONS, ...parts: unknown[]): string {
  return createHash('sha256')
    .update(JSON.stringify([stage, STAGE_VERSIONS[stage], ...parts]))
    .digest('hex');
}

const STAGE_VERSIONS = {
  file: 1,
  probe: 1,
  see: 8,
  hear: 3,
  stretch: 2,
  tiles: 1,
  caption: 1,
  text: 4,
  compose: 6,
} as const;

/** Where the facts of a medium are kept. */
export function mediumKey(id: string): string {
  return `medium:${id}`;
}
