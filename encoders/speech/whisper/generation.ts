import { z } from 'zod';
import { TesseraError } from '#contracts';

const Tokens = z.array(z.number().int()).nullish();

/** `generation_config.json` of a Whisper model, as far as it is used. */
const File = z.object({
  decoder_start_token_id: z.number().int(),
  eos_token_id: z.union([
    z.number().int(),
    z
      .array(z.number().int())
      .min(1)
      .transform(([first]) => first!),
  ]),
  no_timestamps_token_id: z.number().int(),
  prev_sot_token_id: z.number().int().nullish(),
  max_length: z.number().int().default(448),
  suppress_tokens: Tokens,
  begin_suppress_tokens: Tokens,
  /** `<|en|>` → id; a model of one language has none. */
  lang_to_id: z.record(z.string(), z.number().int()).nullish(),
  task_to_id: z.record(z.string(), z.number().int()).nullish(),
  /** [layer, head] of the decoder's heads that look where a token is spoken. */
  alignment_heads: z.array(z.tuple([z.number().int(), z.number().int()])).nullish(),
});

export interface Generation {
  start: number;
  end: number;
  noTimestamps: number;
  /** Opens the text that came before. */
  previous: number | undefined;
  /** Most tokens of a text, its beginning included. */
  maxLength: number;
  never: readonly number[];
  neverFirst: readonly number[];
  /** ISO-639-1 code → token; empty for a model of one language. */
  languages: ReadonlyMap<string, number>;
  tasks: Readonly<Record<string, number>>;
  alignmentHeads: readonly (readonly [layer: number, head: number])[] | undefined;
}

/** @throws TesseraError model_invalid that names what is missing */
export function parseGeneration(text: string): Generation {
  const { data, error } = File.safeParse(JSON.parse(text));
  if (!data)
    throw new TesseraError(
      'model_invalid',
      `The speech model's generation_config.json is not that of a Whisper model: ${z.prettifyError(error)}`,
    );
  const languages = Object.entries(data.lang_to_id ?? {});
  return {
    start: data.decoder_start_token_id,
    end: data.eos_token_id,
    noTimestamps: data.no_timestamps_token_id,
    previous: data.prev_sot_token_id ?? undefined,
    maxLength: data.max_length,
    never: data.suppress_tokens ?? [],
    neverFirst: data.begin_suppress_tokens ?? [],
    languages: new Map(languages.map(([name, id]) => [name.replace(/[<|>]/g, ''), id])),
    tasks: data.task_to_id ?? {},
    alignmentHeads: data.alignment_heads ?? undefined,
  };
}
