import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import { TesseraError, type Chapter, type MediaKind, type Track } from '#contracts';
import { documentType } from './documents/document-type.js';
import { FFMPEG_MISSING, runProgram } from './ffmpeg.js';
import { guards, inputName } from './ffmpeg-plan.js';
import { endOfPackets, FfprobeReport, readReport, type AvFacts } from './ffprobe-report.js';
import { DEFAULT_LIMITS, type MediaLimits } from './limits.js';
import { probePicture, requirePixels } from './picture.js';
import { pngSize, promisedKind, sniff, SNIFF_BYTES } from './sniff.js';

/** What a file is, by its content. Everything but the hash and name that make it a Medium. */
export interface MediumFacts {
  kind: MediaKind;
  mimeType: string;
  bytes: number;
  /** Seconds; absent for pictures, text, and streams that do not say. */
  duration?: number;
  /** Pixels after orientation is applied. */
  width?: number;
  height?: number;
  tracks: Track[];
  /** Chapters that the file names; absent when there are none. */
  chapters?: Chapter[];
}

export interface ProbeOptions {
  /** What the user calls the file; only to refuse text that is named like a picture or a film. */
  name?: string;
  limits?: Partial<MediaLimits>;
  signal?: AbortSignal;
}

/**
 * Finds out what a file holds, and refuses what is over a limit before anything is decoded.
 * @throws TesseraError file_not_found, empty_file, file_too_large, unsupported_media, corrupt_media, too_many_pixels,
 *   media_too_long, tool_missing, cancelled
 */
export async function probe(file: string, options: ProbeOptions = {}): Promise<MediumFacts> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const name = options.name ?? path.basename(file);
  const { bytes, head } = await readHead(file, name);
  if (bytes === 0) throw new TesseraError('empty_file', `${name} is empty.`);
  requireBytes(bytes, limits, name);

  const sniffed = sniff(head);
  switch (sniffed.type) {
    case 'refused':
      throw new TesseraError('unsupported_media', `${name} is ${sniffed.what}, which is not read.`);
    case 'image': {
      const declared = pngSize(head);
      if (declared) requirePixels(declared.width, declared.height, limits.maxPixels);
      const { frames, ...facts } = await probePicture(file, limits);
      // An animation is a short film: each of its scenes is seen. (WebP's ffmpeg does not read; its first frame stands for it.)
      if (frames > 1 && facts.mimeType === 'image/gif')
        return { bytes, ...within(await probeAv(file, name, options.signal), limits, name), mimeType: facts.mimeType };
      return { kind: 'image', bytes, tracks: [], ...facts };
    }
    case 'text': {
      const promised = promisedKind(name);
      if (promised)
        throw new TesseraError(
          'unsupported_media',
          `${name} is named like ${article(promised)} but holds ${sniffed.mimeType === 'text/plain' ? 'plain text' : 'a document'}.`,
        );
      return { kind: 'text', mimeType: await documentType(file, name, sniffed.mimeType, bytes), bytes, tracks: [] };
    }
    case 'av':
      return { bytes, ...within(await probeAv(file, name, options.signal), limits, name) };
  }
}

const article = (kind: MediaKind): string =>
  kind === 'video' ? 'a video' : kind === 'audio' ? 'a recording' : 'a picture';

async function readHead(file: string, name: string): Promise<{ bytes: number; head: Uint8Array }> {
  const facts = await stat(file).catch(() => undefined);
  if (!facts?.isFile()) throw new TesseraError('file_not_found', `${name} does not exist or is not a file.`);
  await using handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(SNIFF_BYTES), 0, SNIFF_BYTES, 0);
  return { bytes: facts.size, head: buffer.subarray(0, bytesRead) };
}

/** Milliseconds that a look into a file may take. */
const PROBE_MS = 60_000;

async function probeAv(file: string, name: string, signal?: AbortSignal): Promise<AvFacts> {
  const args = [
    '-v',
    'error',
    ...guards(),
    '-of',
    'json',
    '-show_format',
    '-show_streams',
    '-show_chapters',
    inputName(file),
  ];
  const output = await runProgram('ffprobe', args, {
    allowFailure: true,
    timeoutMs: PROBE_MS,
    maxOutputBytes: 4 << 20,
    ...(signal ? { signal } : {}),
  }).catch((error: unknown) => {
    throw error instanceof TesseraError && error.code === 'tool_missing'
      ? new TesseraError('tool_missing', FFMPEG_MISSING, { cause: error })
      : error;
  });
  const report = FfprobeReport.safeParse(parse(output.stdout.toString()));
  if (output.code !== 0 || !report.success) throw unreadable(name, output.stderr);
  const facts = readReport(report.data);
  if (facts.duration !== undefined) return facts;
  const end = await lastPacket(file, facts, signal);
  return end === undefined ? facts : { ...facts, duration: end - (report.data.format.start_time ?? 0) };
}

/** Packets of some hours; of more the length stays unknown. */
const MOST_PACKETS_BYTES = 32 << 20;

/** What a browser records does not say how long it is: the file is read through, without decoding. Seconds, as the packets are marked. */
async function lastPacket(
  file: string,
  { kind, tracks }: AvFacts,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const track = tracks.find((each) => each.kind === kind);
  if (!track) return undefined;
  const args = [
    '-v', 'error', ...guards(), '-select_streams', String(track.index),
    '-show_entries', 'packet=pts_time,duration_time', '-of', 'csv=p=0', inputName(file),
  ]; // prettier-ignore
  const options = { allowFailure: true, timeoutMs: PROBE_MS, maxOutputBytes: MOST_PACKETS_BYTES };
  try {
    const { stdout } = await runProgram('ffprobe', args, { ...options, ...(signal ? { signal } : {}) });
    return endOfPackets(stdout.toString());
  } catch (error) {
    if (signal?.aborted) throw error;
    return undefined;
  }
}

/** A known container whose inside is broken is corrupt; anything else is not a medium. */
function unreadable(name: string, stderr: string): TesseraError {
  const known = /moov atom not found|EBML|truncat|end of file|Could not find codec parameters/i.test(stderr);
  return known
    ? new TesseraError('corrupt_media', `${name} is damaged: its header cannot be read.`, { cause: new Error(stderr) })
    : new TesseraError(
        'unsupported_media',
        `${name} is not a picture, a recording, a video or text in a known format.`,
        {
          cause: new Error(stderr),
        },
      );
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function requireBytes(bytes: number, limits: MediaLimits, name: string): void {
  if (bytes > limits.maxFileBytes)
    throw new TesseraError('file_too_large', `${name} has ${bytes} bytes; the limit is ${limits.maxFileBytes}.`);
}

/** Facts of an earlier probe, held against the limits of today. @throws TesseraError as `probe` does */
export function withinLimits(facts: MediumFacts, limits: Partial<MediaLimits>, name: string): MediumFacts {
  const all = { ...DEFAULT_LIMITS, ...limits };
  requireBytes(facts.bytes, all, name);
  return within(facts, all, name);
}

function within<T extends Pick<MediumFacts, 'duration' | 'width' | 'height'>>(
  facts: T,
  limits: MediaLimits,
  name: string,
): T {
  const { duration, width = 0, height = 0 } = facts;
  if (duration !== undefined && duration > limits.maxDurationSeconds)
    throw new TesseraError(
      'media_too_long',
      `${name} is ${Math.round(duration)} s long; the limit is ${limits.maxDurationSeconds} s. Send it in parts.`,
    );
  if (width * height > limits.maxPixels)
    throw new TesseraError(
      'too_many_pixels',
      `${name} has frames of ${width} × ${height} pixels, which is over the limit.`,
    );
  return facts;
}

/** The track to listen to. @throws TesseraError no_audio_track, or invalid_request for a track that is not sound */
export function audioTrack(facts: Pick<MediumFacts, 'tracks'>, wanted?: number): Track {
  const sound = facts.tracks.filter((track) => track.kind === 'audio');
  if (sound.length === 0) throw new TesseraError('no_audio_track', 'There is no audio track to transcribe.');
  const found = wanted === undefined ? sound[0] : sound.find((track) => track.index === wanted);
  if (found) return found;
  throw new TesseraError('invalid_request', `Track ${wanted} is not an audio track. There are: ${listTracks(sound)}.`, {
    param: 'track',
  });
}

/** Tracks by their numbers, for a person to choose from: `1 (aac, eng), 2 (aac, deu)`. */
export function listTracks(tracks: readonly Track[]): string {
  return tracks.map(({ index, codec, language }) => `${index} (${codec}${language ? `, ${language}` : ''})`).join(', ');
}
