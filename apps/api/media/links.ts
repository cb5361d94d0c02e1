import type { Citation, WireCitation } from '#contracts';
import type { MediaRecord } from '#storage';

/** Seconds: a clip shows what was said or shown, not the rest of a long scene. */
const LONGEST = 30;
const SHORTEST = 1;

const round = (seconds: number) => Math.round(seconds * 1000) / 1000;
/** Down, so that a frame which begins at this time is the one that is seen. */
const floor = (seconds: number) => Math.floor(round(seconds * 1000)) / 1000;

export type EvidencePlace = Pick<Citation, 'mediumId' | 'start' | 'end'>;
export type EvidenceLinks = Pick<WireCitation, 'frame_url' | 'clip_url'>;

/** Paths of what there is to look at for a citation: the frame where it begins, and the clip of its time. */
export function evidenceLinks({ mediumId, start, end }: EvidencePlace, kind: MediaRecord['kind']): EvidenceLinks {
  const medium = `/v1/media/${mediumId}`;
  if (kind === 'image') return { frame_url: `${medium}/frame` };
  if ((kind !== 'video' && kind !== 'audio') || start === null) return {};
  const until = Math.min(Math.max(end ?? start, start + SHORTEST), start + LONGEST);
  return {
    ...(kind === 'video' ? { frame_url: `${medium}/frame?t=${floor(start)}` } : {}),
    clip_url: `${medium}/clip?start=${floor(start)}&end=${round(until)}`,
  };
}
