import { z } from 'zod';
import { HearOptions, Replacement, TranscriptFormat } from '#contracts';
import { formBoolean, formNumber, listOf } from '../inputs/fields.js';

const Replacements = z.array(Replacement).max(1000);

/** As a form has it: JSON text. */
const replacementsText = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      context.addIssue('is not JSON; write [{"from": "…", "to": "…"}]');
      return z.NEVER;
    }
  })
  .pipe(Replacements);

/** https://platform.openai.com/docs/api-reference/audio/createTranscription, as the text fields of a form. */
export const TranscriptionForm = z.object({
  model: z.string().optional(),
  language: z.string().max(16).optional().describe('ISO-639-1 code of the speech.'),
  prompt: z.string().max(4096).optional(),
  response_format: TranscriptFormat.default('json'),
  temperature: formNumber.pipe(z.number().min(0).max(1)).optional(),
  timestamp_granularities: listOf(z.enum(['word', 'segment'])).describe(
    '`word` adds the times of words to verbose_json; `segment` adds transcript.text.segment events to a stream.',
  ),
  hotwords: listOf(z.string().trim().min(1).max(100))
    .pipe(z.array(z.string()).max(200))
    .describe('Words that are likely to be said, such as names (an extension).'),
  replacements: z
    .union([Replacements, replacementsText])
    .default([])
    .describe('How words are to be written: [{"from": "open a i", "to": "OpenAI"}], as JSON in a form (an extension).'),
  channels: HearOptions.shape.channels.describe('`separate` transcribes each channel apart (an extension).'),
  track: formNumber.pipe(z.number().int().min(0)).optional().describe('Which track of the file (an extension).'),
  stream: formBoolean.default(false).describe('Server-sent events: transcript.text.delta, then transcript.text.done.'),
  url: z.string().optional().describe('http(s) or data URL, in place of the file (an extension).'),
  media: z.string().optional().describe('Id of a medium, in place of the file (an extension).'),
});
export type TranscriptionForm = z.output<typeof TranscriptionForm>;
