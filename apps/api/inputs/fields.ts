import { z } from 'zod';
import { Detail, type SamplingInput } from '#contracts';
import { unfitFor } from '../http/plain-text.js';

/** Numbers and booleans that may have come as text of a form. */
export const formNumber = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^-?\d+(\.\d+)?$/, 'is not a number')
      .transform(Number),
  ])
  .pipe(z.number());
export const formBoolean = z.union([
  z.boolean(),
  z.enum(['true', 'false', '1', '0']).transform((text) => text === 'true' || text === '1'),
]);
/** An object, which may have come as text of a form. */
const formObject = z.union([
  z.record(z.string(), z.unknown()),
  z
    .string()
    .max(2 ** 20)
    .transform((text, context): unknown => {
      try {
        const value: unknown = JSON.parse(text);
        // A body that is JSON was looked at as a whole.
        const unfit = unfitFor(value);
        if (!unfit) return value;
        context.addIssue({ code: 'custom', message: unfit.message });
      } catch {
        context.addIssue({ code: 'custom', message: 'is not JSON' });
      }
      return z.NEVER;
    })
    .pipe(z.record(z.string(), z.unknown())),
]);
export const listOf = <T extends z.ZodType>(item: T) =>
  z.union([z.array(item), item.transform((one) => [one])]).default([]);

export const MediaId = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'is not the id of a medium')
  .describe('Id of a medium, as POST /v1/media gave it.');
export const Url = z
  .string()
  .min(1)
  .max(64 * 2 ** 20)
  .describe('http(s) URL or data URL.');

/** As OpenAI's field of pictures. */
export const DetailField = Detail.optional().describe(
  'How closely a picture that is alone is looked at: as a whole (low), or its quarters as well (high). Auto is the default.',
);

/** The part of sampling that the native endpoints take. */
export const SamplingFields = {
  max_tokens: formNumber.pipe(z.number().int().min(1).max(8192)).optional().describe('Longest answer in tokens.'),
  temperature: formNumber
    .pipe(z.number().min(0).max(2))
    .optional()
    .describe('0 (default) always takes the likeliest token.'),
  top_p: formNumber.pipe(z.number().min(0).max(1)).optional(),
  seed: formNumber.pipe(z.number().int()).optional(),
  json_schema: formObject
    .optional()
    .describe('JSON schema that the answer satisfies: it is JSON then. In a form, the schema as JSON text.'),
};

type SamplingFields = z.output<z.ZodObject<typeof SamplingFields>>;

export function toSampling(fields: SamplingFields): Omit<SamplingInput, 'maxTokens'> & { maxTokens?: number } {
  return Object.fromEntries(
    Object.entries({
      maxTokens: fields.max_tokens,
      temperature: fields.temperature,
      topP: fields.top_p,
      seed: fields.seed,
      jsonSchema: fields.json_schema,
    }).filter(([, value]) => value !== undefined),
  );
}
