import { z } from 'zod';
import { TranscriptFormat } from '#contracts';
import { formBoolean, formNumber, listOf } from '../inputs/fields.js';

/** https://platform.openai.com/docs/api-reference/audio/createTranscription, as the text fields of a form. */
export const TranscriptionForm = z.object({
  model: z.string().optional(),
  language: z.string().max(16).optional().describe('ISO-639-1 code of the speech.'),
  prompt: z.string().max(4096).optional(),
  response_format: TranscriptFormat.default('json'),
  temperature: formNumber.pipe(z.number().min(0).max(1)).optional(),
  timestamp_granularities: listOf(z.enum(['word', 'segment'])).describe(
    '`word` adds the times of words to verbose_json.',
  ),
  stream: formBoolean.default(false).describe('Server-sent events: transcript.text.delta, then transcript.text.done.'),
  url: z.string().optional().describe('http(s) or data URL, in place of the file (an extension).'),
  media: z.string().optional().describe('Id of a medium, in place of the file (an extension).'),
});
export type TranscriptionForm = z.output<typeof TranscriptionForm>;
