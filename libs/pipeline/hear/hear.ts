import {
  JOBS,
  TesseraError,
  type HearOptions,
  type JobPayload,
  type JobResult,
  type Medium,
  type Transcript,
  type Utterance,
} from '#contracts';
import type { JobContext } from '#jobs';
import { audioTrack, DAMAGED_SOUND, decodeAudio, listTracks } from '#media';
import { counter, histogram } from '#platform';
import { artifactKey } from '../artifact.js';
import { cached, requiredChild, type Stage } from '../context.js';
import { RecordedStretches } from './stretches.js';

type Heard = JobResult<'media.hear'>;

const factor = histogram(
  'tessera_speech_rtfx',
  'Seconds of sound that were transcribed in a second, one observation for each recording (or channel).',
  [1, 2, 5, 10, 20, 50, 100, 200, 500],
);
const heardSeconds = counter('tessera_speech_sound_seconds_total', 'Seconds of sound that were transcribed.');

/** Lengths of files without an index are estimates. */
const TOLERANCE = 0.1;

/** Speech as timed text. A medium without sound is an error, unless hearing was optional. */
export async function hear(stage: Stage, payload: JobPayload<'media.hear'>, context: JobContext): Promise<Heard> {
  const { options, optional } = payload;
  const medium = await requiredChild(context, 'media.ingest');
  const nothing: Heard = {
    mediumId: medium.id,
    transcript: { language: 'en', duration: 0, text: '', segments: [], warnings: [] },
  };
  if (medium.kind === 'image' || medium.kind === 'text') {
    if (optional) return nothing;
    throw new TesseraError(
      'no_audio_track',
      `${medium.name} has no audio track: it is ${medium.kind === 'image' ? 'a picture' : 'text'}.`,
    );
  }
  if (optional && !medium.tracks.some((track) => track.kind === 'audio')) return nothing;
  const track = audioTrack(medium, options.track);

  const key = artifactKey('hear', medium.id, stage.models.pack.id, options);
  const known = await cached(stage.records, key, JOBS['media.hear'].result);
  if (known) {
    emitSegments(known.transcript.segments, context);
    return known;
  }
  const channels = options.channels === 'separate' ? (track.channels ?? 1) : 1;
  const memory = new RecordedStretches(stage.records, stage.models.pack.id);
  const parts: Transcript[] = [];
  for (let channel = 0; channel < channels; channel++) {
    const part = channels > 1 ? { channel, channels } : undefined;
    const heard = hearChannel(stage, { medium, options, context, memory, part });
    const transcript = await (optional ? unlessSilent(heard) : heard);
    // A film's sound may end before the range that is asked about.
    if (!transcript) return nothing;
    parts.push(transcript);
  }
  const transcript = channels > 1 ? merge(parts) : (parts[0] as Transcript);
  const whole = track.duration ?? (medium.kind === 'audio' ? medium.duration : undefined);
  const expected = whole === undefined ? undefined : Math.min(whole, options.end ?? Infinity);
  const result: Heard = {
    mediumId: medium.id,
    transcript: {
      ...transcript,
      warnings: [...otherTracks(medium, payload), ...transcript.warnings, ...shortfall(transcript, expected)],
    },
  };
  await stage.records.putArtifact(key, result);
  await memory.forget();
  return result;
}

interface Hearing {
  medium: Medium;
  options: HearOptions;
  context: JobContext;
  memory: RecordedStretches;
  /** Which channel of how many, when they are transcribed apart. */
  part: { channel: number; channels: number } | undefined;
}

async function hearChannel({ blobs, config, models }: Stage, hearing: Hearing): Promise<Transcript> {
  const { medium, options, context, memory, part } = hearing;
  const { start, end, track } = options;
  const channel = part?.channel;
  await using file = await blobs.local(medium.id, context.signal);
  const audio = decodeAudio(file.path, {
    start,
    end,
    track,
    channel,
    limits: config.limits,
    signal: context.signal,
  });
  await using sound = ahead(audio);
  // ffmpeg starts while the models load.
  const speech = await models.speech();
  let told = 0;
  const ofChannel = (segment: Utterance) => (channel === undefined ? segment : { ...segment, channel });
  const begun = performance.now();
  const transcript = await speech.transcribe(sound, {
    ...options,
    memory,
    signal: context.signal,
    onSegment: (segment) => emitSegments([ofChannel(segment)], context),
    onHeard: (until) => {
      const percent = percentHeard(until, hearing);
      if (percent === undefined || percent <= told) return;
      told = percent;
      context.emit({ type: 'progress', stage: 'hear', percent });
    },
  });
  heardSeconds.add({}, transcript.duration);
  factor.observe(transcript.duration / Math.max(0.001, (performance.now() - begun) / 1000));
  return {
    ...transcript,
    segments: transcript.segments.map(ofChannel),
    warnings: [...transcript.warnings, ...audio.warnings],
  };
}

/** Undefined where the sound holds nothing in the range asked for. */
export async function unlessSilent<T>(heard: Promise<T>): Promise<T | undefined> {
  try {
    return await heard;
  } catch (error) {
    if (error instanceof TesseraError && error.code === 'no_audio_samples') return undefined;
    throw error;
  }
}

/** The same sound, whose first piece is asked for at once. Who does not read it to its end disposes of it. */
function ahead(audio: AsyncIterable<Float32Array>): AsyncIterable<Float32Array> & AsyncDisposable {
  const pieces = audio[Symbol.asyncIterator]();
  const first = pieces.next();
  first.catch(() => undefined);
  return {
    async *[Symbol.asyncIterator]() {
      for (let next = await first; next.done !== true; next = await pieces.next()) yield next.value;
    },
    [Symbol.asyncDispose]: async () => void (await pieces.return?.()),
  };
}

/** A file that was cut off between two packets is no fault to a decoder; its header still says how long it was. */
function shortfall({ duration, warnings }: Transcript, expected: number | undefined): string[] {
  const least = (expected ?? 0) * (1 - TOLERANCE) - 1;
  if (duration >= least || warnings.some((warning) => warning.startsWith(DAMAGED_SOUND))) return [];
  return [`The file is said to be ${expected!.toFixed(1)} s long; it ends after ${duration.toFixed(1)} s.`];
}

/** Who asks for a transcript and chooses no track is told that there are several. */
function otherTracks({ tracks }: Medium, { options, optional }: JobPayload<'media.hear'>): string[] {
  const sound = tracks.filter(({ kind }) => kind === 'audio');
  if (options.track !== undefined || optional || sound.length < 2) return [];
  return [
    `The file has ${sound.length} audio tracks: ${listTracks(sound)}. Track ${sound[0]!.index} was transcribed; \`track\` chooses another.`,
  ];
}

/** Share of the sound that was asked for, over all channels. 100 is told by the end of the job. */
function percentHeard(until: number, { medium, options, part }: Hearing): number | undefined {
  const { start = 0, end = Infinity } = options;
  const length = Math.min(end, medium.duration ?? 0) - start;
  if (length <= 0) return undefined;
  const { channel, channels } = part ?? { channel: 0, channels: 1 };
  return Math.min(99, Math.round((100 * (channel + Math.min(1, (until - start) / length))) / channels));
}

function emitSegments(segments: readonly Utterance[], context: JobContext): void {
  for (const { start, end, text, channel } of segments)
    context.emit({ type: 'segment', start, end, text, ...(channel === undefined ? {} : { channel }) });
}

/** Channels transcribed apart, as one conversation in the order of time. */
export function merge(parts: Transcript[]): Transcript {
  const segments = parts
    .flatMap((part) => part.segments)
    .sort((a, b) => a.start - b.start || (a.channel ?? 0) - (b.channel ?? 0));
  return {
    // A silent channel's is only a guess.
    language: parts.toSorted((a, b) => secondsOfSpeech(b) - secondsOfSpeech(a))[0]?.language ?? 'en',
    duration: Math.max(0, ...parts.map((part) => part.duration)),
    text: segments.map((segment) => segment.text).join(' '),
    segments,
    warnings: [...new Set(parts.flatMap((part) => part.warnings))],
  };
}

const secondsOfSpeech = ({ segments }: Transcript): number =>
  segments.reduce((sum, { start, end }) => sum + end - start, 0);
