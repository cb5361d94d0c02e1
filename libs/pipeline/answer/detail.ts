import type { Detail, JobPayload } from '#contracts';
import type { Stage } from '../context.js';
import { seeTiles } from '../see/tiles.js';
import { readVisual } from '../see/visual-tokens.js';
import type { Picture } from './sequence.js';

/** What `auto` means, by the prompt that a picture goes into. `eval captions` and `eval vqa` with `--detail` say which it should be. */
export const AUTO_DETAIL: Readonly<Record<'caption' | 'question', Exclude<Detail, 'auto'>>> = {
  caption: 'low',
  question: 'low',
};

type Asked = Pick<JobPayload<'answer'>, 'task' | 'detail'>;

/** How closely a lone picture is looked at for a task. */
export function detailOf({ task, detail = 'auto' }: Asked): Exclude<Detail, 'auto'> {
  if (detail !== 'auto') return detail;
  return AUTO_DETAIL[task.type === 'describe' && task.instruction === undefined ? 'caption' : 'question'];
}

/** A picture as it is to be read, and what of `detail` could not be done. */
export interface Looked {
  picture: Picture;
  warnings?: string[];
}

/** The picture, in high detail followed by its quarters. One that cannot be cut, or whose quarters the model does not read, stays whole. */
export async function lookAt(stage: Stage, picture: Picture, asked: Asked, signal: AbortSignal): Promise<Looked> {
  // An engine that looks for itself has the picture, not its tokens.
  if (detailOf(asked) === 'low' || picture.still) return { picture };
  const { models } = stage;
  const { name } = picture.medium;
  const whole = (why: string): Looked => ({
    picture,
    ...(asked.detail === 'high' ? { warnings: [`${name} was looked at with detail low: ${why}.`] } : {}),
  });
  if (!models.readsTiles) return whole(`the pack ${models.pack.manifest.name} does not read the quarters of pictures`);
  const blob = await seeTiles(stage, picture.medium, signal);
  if (blob === undefined) return whole('it has a side of one pixel');
  return { picture: followedBy(picture, blob, await readVisual(stage, blob)) };
}

/** Its own tokens, then those of its quarters: other tokens at another content address. */
function followedBy(picture: Picture, blob: string, quarters: Float32Array): Picture {
  const { visual: whole, rows, hash } = picture;
  const visual = new Float32Array(whole.length + quarters.length);
  visual.set(whole);
  visual.set(quarters, whole.length);
  return { ...picture, visual, rows: (rows * visual.length) / whole.length, hash: `${hash}+${blob}` };
}
