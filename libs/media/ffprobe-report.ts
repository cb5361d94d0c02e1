import { z } from 'zod';
import { TesseraError, type Chapter, type Track } from '#contracts';

const text = z.string().optional();
const number = z.coerce.number().optional().catch(undefined);
/** A damaged header has sizes and rates of 0, which are as good as none. */
const positive = z.coerce.number().positive().optional().catch(undefined);

const Stream = z.object({
  index: z.number().int(),
  codec_type: text,
  codec_name: text,
  start_time: number,
  duration: number,
  channels: positive,
  sample_rate: positive,
  width: positive,
  height: positive,
  avg_frame_rate: text,
  disposition: z.object({ attached_pic: z.number().optional() }).optional(),
  tags: z.object({ language: text, DURATION: text }).partial().optional(),
  side_data_list: z.array(z.object({ rotation: number }).partial()).optional(),
});

const Mark = z.object({ start_time: number, end_time: number, tags: z.object({ title: text }).optional() });

/** `ffprobe -of json -show_format -show_streams -show_chapters`, as far as it is used. */
export const FfprobeReport = z.object({
  streams: z.array(Stream).default([]),
  chapters: z.array(Mark).default([]),
  format: z.object({ format_name: z.string(), duration: number, start_time: number }),
});
export type FfprobeReport = z.infer<typeof FfprobeReport>;

export interface AvFacts {
  kind: 'audio' | 'video';
  mimeType: string;
  duration: number | undefined;
  width?: number;
  height?: number;
  tracks: Track[];
  /** Absent when there are none. */
  chapters?: Chapter[];
}

/** Container (first name of the demuxer) → MIME subtype. */
const SUBTYPES: Record<string, string> = {
  mov: 'mp4', matroska: 'x-matroska', mpegts: 'mp2t', mp3: 'mpeg', asf: 'x-ms-asf', avi: 'x-msvideo', flv: 'x-flv', aiff: 'aiff',
}; // prettier-ignore

/** @throws TesseraError unsupported_media when there is neither sound nor a moving picture. */
export function readReport(report: FfprobeReport): AvFacts {
  const streams = report.streams.filter((stream) => stream.disposition?.attached_pic !== 1);
  const tracks = streams.flatMap(toTrack);
  const video = streams.find((stream) => stream.codec_type === 'video');
  const hasAudio = tracks.some((track) => track.kind === 'audio');
  if (!video && !hasAudio) throw new TesseraError('unsupported_media', 'The file holds neither sound nor pictures.');

  const kind = video ? 'video' : 'audio';
  const container = report.format.format_name.split(',')[0] ?? '';
  const lengths = tracks.map((track) => track.duration ?? 0);
  const duration = report.format.duration ?? (Math.max(0, ...lengths) || undefined);
  const chapters = report.chapters.map(toChapter);
  const facts: AvFacts = {
    kind,
    mimeType: `${kind}/${SUBTYPES[container] ?? container}`,
    duration,
    tracks,
    ...(chapters.length > 0 ? { chapters } : {}),
  };
  return video ? { ...facts, ...orientedSize(video) } : facts;
}

/** Where the last packet of ffprobe's CSV (`pts_time,duration_time`) ends, in seconds; undefined where none says when it is. */
export function endOfPackets(csv: string): number | undefined {
  let end = -Infinity;
  for (const line of csv.split('\n')) {
    const [time = NaN, length = NaN] = line.split(',').map(Number.parseFloat);
    if (Number.isFinite(time)) end = Math.max(end, time + (Number.isFinite(length) ? length : 0));
  }
  return end > 0 ? end : undefined;
}

type Stream = z.infer<typeof Stream>;

function orientedSize(stream: Stream): { width?: number; height?: number } {
  const rotation = stream.side_data_list?.find((side) => side.rotation !== undefined)?.rotation ?? 0;
  const { width, height } = stream;
  return Math.abs(rotation) % 180 === 90 ? { width: height, height: width } : { width, height };
}

function toTrack(stream: Stream): Track[] {
  const kind = stream.codec_type;
  if (kind !== 'audio' && kind !== 'video' && kind !== 'subtitle') return [];
  return [
    {
      index: stream.index,
      kind,
      codec: stream.codec_name ?? 'unknown',
      ...defined({
        language: stream.tags?.language === 'und' ? undefined : stream.tags?.language,
        start: stream.start_time,
        duration: stream.duration ?? clock(stream.tags?.DURATION),
        channels: stream.channels,
        sampleRate: stream.sample_rate,
        ...(kind === 'video' ? { ...orientedSize(stream), fps: ratio(stream.avg_frame_rate) } : {}),
      }),
    },
  ];
}

function toChapter({ start_time: start = 0, end_time: end = 0, tags }: z.infer<typeof Mark>, index: number): Chapter {
  const from = Math.max(0, start);
  return { start: from, end: Math.max(from, end), title: tags?.title?.trim() || `Chapter ${index + 1}` };
}

/** "30000/1001" → 29.97 */
function ratio(value = ''): number | undefined {
  const [top = 0, bottom = 0] = value.split('/').map(Number);
  return top > 0 && bottom > 0 ? top / bottom : undefined;
}

/** Matroska's "00:01:02.500000000" → 62.5 */
function clock(value?: string): number | undefined {
  const found = /^(\d+):(\d+):([\d.]+)/.exec(value ?? '');
  return found ? Number(found[1]) * 3600 + Number(found[2]) * 60 + Number(found[3]) : undefined;
}

function defined<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}
