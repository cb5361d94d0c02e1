import { deflateSync } from 'node:zlib';
import type { HearOptions } from '../jobs.js';
import type { Transcript, TranscriptFormat, Utterance } from '../transcript.js';
import { toCaptions, type Caption } from './captions.js';
import { clock, lrcClock } from './clock.js';

/** Of Whisper's spectrogram, in which `seek` is counted. */
const FRAMES_A_SECOND = 100;

type Task = HearOptions['task'];

const FORMATS: Record<TranscriptFormat, (transcript: Transcript, task: Task) => string> = {
  text: ({ text }) => text,
  json: ({ text, warnings }) => JSON.stringify({ text, ...(warnings.length > 0 ? { warnings } : {}) }),
  verbose_json: (transcript, task) => JSON.stringify(verbose(transcript, task)),
  srt: (transcript) => toCaptions(transcript.segments).map(srtBlock).join('\n'),
  vtt: (transcript) => ['WEBVTT\n', ...toCaptions(transcript.segments).map(vttCue)].join('\n'),
  lrc: ({ segments }) => segments.map(({ start, text }) => `[${lrcClock(start)}]${oneLine(text)}`).join('\n'),
  tsv: ({ segments }) => ['start\tend\ttext', ...segments.map(tsvRow)].join('\n'),
};

/** Media types of the formats over HTTP. */
export const TRANSCRIPT_MIME: Record<TranscriptFormat, string> = {
  text: 'text/plain; charset=utf-8',
  json: 'application/json',
  verbose_json: 'application/json',
  srt: 'application/x-subrip; charset=utf-8',
  vtt: 'text/vtt; charset=utf-8',
  lrc: 'text/plain; charset=utf-8',
  tsv: 'text/tab-separated-values; charset=utf-8',
};

/** A transcript in one of the formats of OpenAI's endpoint, or LRC (lyrics) or TSV (as Whisper writes it). */
export function formatTranscript(transcript: Transcript, format: TranscriptFormat, task: Task = 'transcribe'): string {
  return FORMATS[format](transcript, task);
}

/** OpenAI's `verbose_json`: https://platform.openai.com/docs/api-reference/audio/verbose-json-object */
export function verbose({ language, duration, text, segments, warnings }: Transcript, task: Task) {
  const words = segments.flatMap((segment) => segment.words ?? []);
  return {
    task,
    language,
    duration,
    text,
    segments: segments.map((segment, id) => ({
      id,
      seek: Math.round(segment.start * FRAMES_A_SECOND),
      start: segment.start,
      end: segment.end,
      text: segment.text,
      // Absent rather than made up, where a transcript has it from elsewhere than a recogniser.
      tokens: segment.tokens,
      temperature: 0,
      avg_logprob: segment.avgLogprob,
      compression_ratio: compressionRatio(segment.text),
      no_speech_prob: segment.noSpeechProb,
      channel: segment.channel,
    })),
    ...(words.length > 0 ? { words } : {}),
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}

/** As Whisper has it, where more than 2.4 is a text that repeats itself: its bytes, to those that zlib makes of them. */
function compressionRatio(text: string): number {
  const bytes = Buffer.from(text);
  return bytes.length / deflateSync(bytes).length;
}

function srtBlock({ start, end, lines, channel }: Caption, i: number): string {
  const text = lines.join('\n');
  return `${i + 1}\n${clock(start, ',')} --> ${clock(end, ',')}\n${speaker(channel, ': ')}${text}\n`;
}

/** `&`, `<` and `-->` mean something inside a cue: https://www.w3.org/TR/webvtt1/#webvtt-cue-text */
function vttCue({ start, end, lines, channel }: Caption): string {
  const text = lines.join('\n').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const voice = channel === undefined ? '' : `<v Channel ${channel + 1}>`;
  return `${clock(start, '.')} --> ${clock(end, '.')}\n${voice}${text}\n`;
}

function tsvRow({ start, end, text }: Utterance): string {
  return `${Math.round(start * 1000)}\t${Math.round(end * 1000)}\t${oneLine(text)}`;
}

const speaker = (channel: number | undefined, after: string): string =>
  channel === undefined ? '' : `Channel ${channel + 1}${after}`;

const oneLine = (text: string): string => text.replace(/\s+/g, ' ');
