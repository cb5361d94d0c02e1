import { JOBS, TesseraError, type JobPayload, type JobResult, type Medium, type Transcript } from '#contracts';
import type { JobContext } from '#jobs';
import { audioTrack, decodeAudio } from '#media';
import { artifactKey } from '../artifact.js';
import { cached, requiredChild, type Stage } from '../context.js';
import { RecordedStretches } from './stretches.js';

type Heard = JobResult<'media.hear'>;

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
    emitSegments(known.transcript, context);
    return known;
  }
  const channels = options.channels === 'separate' ? (track.channels ?? 1) : 1;
  const memory = new RecordedStretches(stage.records, stage.models.pack.id);
  const parts: Transcript[] = [];
  for (let channel = 0; channel < channels; channel++) {
    parts.push(await hearChannel(stage, medium, payload, context, memory, channels > 1 ? channel : undefined));
  }
  const result: Heard = { mediumId: medium.id, transcript: channels > 1 ? merge(parts) : (parts[0] as Transcript) };
  await stage.records.putArtifact(key, result);
  await memory.forget();
  return result;
}

async function hearChannel(
  { blobs, config, models }: Stage,
  medium: Medium,
  { options }: JobPayload<'media.hear'>,
  context: JobContext,
  memory: RecordedStretches,
  channel: number | undefined,
): Promise<Transcript> {
  const speech = await models.speech();
  const { start, end, track } = options;
  await using file = await blobs.local(medium.id, context.signal);
  const audio = decodeAudio(file.path, {
    start,
    end,
    track,
    channel,
    limits: config.limits,
    signal: context.signal,
  });
  const transcript = await speech.transcribe(audio, {
    ...options,
    memory,
    signal: context.signal,
    onSegment: (segment) => {
      context.emit({ type: 'segment', start: segment.start, end: segment.end, text: segment.text });
      if (medium.duration) {
        context.emit({
          type: 'progress',
          stage: 'hear',
          percent: Math.min(99, Math.round((100 * segment.end) / medium.duration)),
        });
      }
    },
  });
  const segments =
    channel === undefined ? transcript.segments : transcript.segments.map((segment) => ({ ...segment, channel }));
  return { ...transcript, segments, warnings: [...transcript.warnings, ...audio.warnings] };
}

function emitSegments(transcript: Transcript, context: JobContext): void {
  for (const { start, end, text } of transcript.segments) context.emit({ type: 'segment', start, end, text });
}

/** Channels transcribed apart, as one conversation in the order of time. */
function merge(parts: Transcript[]): Transcript {
  const segments = parts
    .flatMap((part) => part.segments)
    .sort((a, b) => a.start - b.start || (a.channel ?? 0) - (b.channel ?? 0));
  return {
    language: parts[0]?.language ?? 'en',
    duration: Math.max(0, ...parts.map((part) => part.duration)),
    text: segments.map((segment) => segment.text).join(' '),
    segments,
    warnings: [...new Set(parts.flatMap((part) => part.warnings))],
  };
}
