import { HearOptions, TRANSCRIPT_MIME, TranscriptFormat, type Transcript } from '#contracts';
import type { ApiParts } from '../parts.js';

const Task = HearOptions.shape.task.catch('transcribe');

/** The body of an answer and its content type; the JSON formats are sent as objects. */
export function toTranscription(
  options: Record<string, unknown>,
  transcript: Transcript,
  format: ApiParts['formatTranscript'],
): { type: string; body: unknown } {
  const wanted = TranscriptFormat.catch('json').parse(options['format']);
  const text = format(transcript, wanted, Task.parse(options['task']));
  const json = wanted === 'json' || wanted === 'verbose_json';
  return { type: TRANSCRIPT_MIME[wanted], body: json ? (JSON.parse(text) as unknown) : text };
}
