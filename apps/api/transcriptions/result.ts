import { TranscriptFormat, type Transcript } from '#contracts';
import type { ApiParts } from '../parts.js';

/** Content types of the formats; the JSON ones are sent as objects. */
const TYPES: Record<TranscriptFormat, string> = {
  text: 'text/plain; charset=utf-8',
  srt: 'application/x-subrip; charset=utf-8',
  vtt: 'text/vtt; charset=utf-8',
  lrc: 'text/plain; charset=utf-8',
  tsv: 'text/tab-separated-values; charset=utf-8',
  json: 'application/json; charset=utf-8',
  verbose_json: 'application/json; charset=utf-8',
};

export function toTranscription(
  options: Record<string, unknown>,
  transcript: Transcript,
  format: ApiParts['formatTranscript'],
): { type: string; body: unknown } {
  const wanted = TranscriptFormat.catch('json').parse(options['format']);
  const text = format(transcript, wanted);
  return {
    type: TYPES[wanted],
    body: wanted === 'json' || wanted === 'verbose_json' ? (JSON.parse(text) as unknown) : text,
  };
}
