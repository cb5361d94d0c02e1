import { changeBetween, nearlyEqual, signatureOf, type FrameSignature } from './frame-signature.js';

interface Frame {
  /** Seconds. */
  t: number;
  /** Packed RGB [size, size, 3]. */
  rgb: Uint8Array;
}

interface Look<T> {
  frame: T;
  signature: FrameSignature;
}

export interface KeepOptions<T> {
  /** Width and height of a frame. */
  size: number;
  /** Kept frames are at least this far apart (seconds). */
  spacing: number;
  /** What moves all the time is kept about this often (seconds). */
  gap: number;
  /** Told of each frame that will not be kept, as soon as that is known: nobody looks at its pixels any more. */
  drop?: (frame: T) => void;
}

/** After a cut, a picture that stays for less (seconds) is passed over as a flash. */
const SHORTEST_STAY = 0.5;
/** After a small change, what stays this long (seconds) has come to rest: a slide with a new line, not a moving camera. */
const AT_REST = 2;

/**
 * Of the frames that were looked at, those worth keeping, each at the time at which it began to be seen: the first look after
 * a cut, the first after which nothing changed any more, and of what never rests one every `gap` seconds. None shows what
 * the one kept before it shows.
 */
export async function* lastingFrames<T extends Frame>(
  frames: AsyncIterable<T>,
  { size, spacing, gap, drop = () => undefined }: KeepOptions<T>,
): AsyncGenerator<T> {
  /** Where the scene that is looked at began, how it began, and the last look at it. */
  let scene: (Look<T> & { cut: boolean; last: Look<T> }) | undefined;
  let kept: Look<T> | undefined;
  const isNew = ({ frame, signature }: Look<T>): boolean =>
    !kept || (frame.t - kept.frame.t >= spacing && !nearlyEqual(signature, kept.signature));
  const given = new WeakSet<T>();
  const keep = (look: Look<T>): T[] => {
    if (!isNew(look)) return [];
    kept = { ...look };
    given.add(look.frame);
    return [look.frame];
  };
  const leave = (frame: T): void => {
    if (!given.has(frame)) drop(frame);
  };
  for await (const frame of frames) {
    const look = { frame, signature: signatureOf(frame.rgb, size) };
    if (!scene) {
      scene = { ...look, cut: true, last: look };
      continue;
    }
    const change = changeBetween(look.signature, scene.last.signature);
    const stayed = frame.t - scene.frame.t;
    const lasted = stayed >= (scene.cut ? SHORTEST_STAY : AT_REST) || (change === 'same' && stayed >= SHORTEST_STAY);
    if (lasted) yield* keep(scene);
    const begun = scene.frame;
    if (change === 'cut') scene = { ...look, cut: true, last: look };
    else if (change === 'moved' && (lasted || !scene.cut)) scene = { ...look, cut: false, last: look };
    else scene.last = look;
    // Of a scene that has just begun, its beginning.
    if (change === 'moved' && kept && frame.t - kept.frame.t >= gap)
      yield* keep(scene.cut && scene.frame.t > kept.frame.t ? scene : look);
    leave(scene.frame === frame ? begun : frame);
  }
  if (!scene) return;
  yield* keep(scene);
  leave(scene.frame);
}
