import type { JobResult, Medium } from '#contracts';
import { createLogger } from '#platform';
import type { Stage } from '../context.js';
import { lookOf } from './looks.js';
import { readVisual } from './visual-tokens.js';

const log = createLogger('see');

/** Lets a medium that somebody keeps be found by its look. A search that lags is no reason to fail an answer. */
export async function makeComparable(
  stage: Stage,
  medium: Pick<Medium, 'id' | 'duration'>,
  { visual, times }: Pick<JobResult<'media.see'>, 'visual' | 'times'>,
): Promise<void> {
  const { looks } = stage.records;
  try {
    if (visual === null || !(await looks.wanted(medium.id, visual))) return;
    const { rows, d } = stage.models.visualShape;
    const ends = times.map((time, i) => (time === null ? null : (times[i + 1] ?? medium.duration ?? time)));
    await looks.replace(medium.id, visual, { starts: times, ends, features: lookOf(await readVisual(stage, visual), rows, d) }); // prettier-ignore
  } catch (error) {
    log.warn({ err: error, medium: medium.id }, 'the medium cannot be found by its look');
  }
}
