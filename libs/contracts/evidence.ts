import type { JobPayload } from './jobs.js';

/** What there is to look at of a medium: a frame or a clip. */
export type EvidencePart = JobPayload<'media.extract'>['part'];

/** Raise it when frames or clips come out differently for the same medium. */
const VERSION = 1;

/** Where the record of an extracted frame or clip is kept: what a job has made once is found without another job. */
export function evidenceKey(mediumId: string, part: EvidencePart): string {
  const place = part.type === 'frame' ? (part.at ?? '') : `${part.start}-${part.end}`;
  return `evidence:${VERSION}:${mediumId}:${part.type}:${place}`;
}
