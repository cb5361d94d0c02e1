import { wireCitation, type Answer, type Citation, type WireCitation } from '#contracts';
import type { MediaRecord, Records } from '#storage';

/** Seconds: a clip shows what was said or shown, not the rest of a long scene. */
const LONGEST = 30;
const SHORTEST = 1;

const round = (seconds: number) => Math.round(seconds * 1000) / 1000;
/** Down, so that a frame which begins at this time is the one that is seen. */
const floor = (seconds: number) => Math.floor(round(seconds * 1000)) / 1000;

/** Paths of what there is to look at for a citation: the frame where it begins, and the clip of its time. */
export function evidenceLinks(
  { mediumId, start, end }: Pick<Citation, 'mediumId' | 'start' | 'end'>,
  kind: MediaRecord['kind'],
): Pick<WireCitation, 'frame_url' | 'clip_url'> {
  const medium = `/v1/media/${mediumId}`;
  if (kind === 'image') return { frame_url: `${medium}/frame` };
  if ((kind !== 'video' && kind !== 'audio') || start === null) return {};
  const until = Math.min(Math.max(end ?? start, start + SHORTEST), start + LONGEST);
  return {
    ...(kind === 'video' ? { frame_url: `${medium}/frame?t=${floor(start)}` } : {}),
    clip_url: `${medium}/clip?start=${floor(start)}&end=${round(until)}`,
  };
}

/** The citations of answers, with links where the caller has the medium: what a URL brought belongs to nobody. */
export async function linkedCitations(
  records: Pick<Records, 'getMedia'>,
  tenant: string,
  answers: readonly Answer[],
): Promise<WireCitation[]> {
  const citations = answers.flatMap((answer) => answer.citations);
  const ids = [...new Set(citations.map(({ mediumId }) => mediumId))];
  const kinds = new Map(
    await Promise.all(ids.map(async (id) => [id, (await records.getMedia(tenant, id))?.kind] as const)),
  );
  return citations.map((citation) => {
    const kind = kinds.get(citation.mediumId);
    return { ...wireCitation(citation), ...(kind === undefined ? {} : evidenceLinks(citation, kind)) };
  });
}
