import { z } from 'zod';
import { DetailField, formBoolean, formNumber, listOf, MediaId, SamplingFields, Url } from '../inputs/fields.js';

export const QuestionRequest = z
  .object({
    question: z.string().min(1).max(16_384),
    urls: listOf(Url).describe('http(s) or data URLs of what the question is about.'),
    media: listOf(MediaId).describe('Ids of media.'),
    selected_tokens: formNumber
      .pipe(z.number().int().min(64).max(65536))
      .optional()
      .describe('Attention budget in tokens.'),
    detail: DetailField,
    start: formNumber
      .pipe(z.number().nonnegative())
      .optional()
      .describe('Seconds: films and recordings are read from here …'),
    end: formNumber.pipe(z.number().positive()).optional().describe('… to here.'),
    summary: formBoolean
      .default(false)
      .describe(
        'A summary part by part, each sentence cited; "Summarise …" asks for the same. Takes longer for long media.',
      ),
    stream: formBoolean.default(false).describe('Server-sent events: token, then done (the whole result) or error.'),
    ...SamplingFields,
  })
  .refine(({ start = 0, end = Infinity }) => end > start, { path: ['end'], error: 'is not after start' });
export type QuestionRequest = z.output<typeof QuestionRequest>;
