import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { Sampling, TesseraError, type SequencePart } from '#contracts';

const Template = z.object({ template: z.string(), max_new_tokens: z.number().int().positive() });

/** How the base model marks whose turn it is: ChatML, unless the pack says otherwise (Gemma: `<start_of_turn>{role}\n`, `model`). */
const Turn = z.object({
  start: z.string().includes('{role}').default('<|im_start|>{role}\n'),
  end: z.string().default('<|im_end|>\n'),
  /** What the base model calls itself. */
  assistant: z.string().default('assistant'),
});

/** prompts.json of a pack: the exact strings that its weights were trained with. */
export const Prompts = z.object({
  not_found: z.string(),
  /** `presence_penalty`: what a word that a caption has already costs once more, unless the request says. `beams`: captions that are written side by side. */
  caption: Template.extend({ presence_penalty: Sampling.shape.presencePenalty, beams: Sampling.shape.beams }),
  /** `logit_bias`: words of answers that the weights say too readily, or too seldom, by number of token as in a request's own. */
  picture_question: Template.extend({ logit_bias: Sampling.shape.logitBias }),
  timeline: Template.extend({
    segment_tokens: z.number().int().positive(),
    lines: z.object({ utterance: z.string(), caption: z.string(), frame: z.string(), page: z.string() }),
  }),
  chat: Template.extend({ turn: Turn.prefault({}) }),
});
export type Prompts = z.infer<typeof Prompts>;

export async function readPrompts(file: string): Promise<Prompts> {
  const parsed = Prompts.safeParse(JSON.parse(await readFile(file, 'utf8')));
  if (parsed.success) return parsed.data;
  throw new TesseraError('configuration', `${file} is not a valid prompt file: ${z.prettifyError(parsed.error)}`);
}

type Slots = Record<string, SequencePart[]>;

/**
 * Fills a template such as `<|im_start|>user\n{image}\n{question}<|im_end|>` with parts.
 * The template's own text may hold special tokens; what users bring never can.
 */
export function fill(template: string, slots: Slots): SequencePart[] {
  return template
    .split(/(\{[a-z]+\})/)
    .filter((piece) => piece !== '')
    .flatMap((piece): SequencePart[] => {
      const slot = /^\{([a-z]+)\}$/.exec(piece)?.[1];
      if (slot === undefined) return [{ type: 'text', text: piece, special: true }];
      const parts = slots[slot];
      if (parts === undefined)
        throw new TesseraError('configuration', `A prompt template names an unknown slot {${slot}}.`);
      return parts;
    });
}

/** Text that came from outside: it is tokenised without special tokens. */
export function userText(text: string): SequencePart[] {
  return text === '' ? [] : [{ type: 'text', text, special: false }];
}

/** The parts before and after a slot, each filled: the decoder's prefix and question around its segments. */
export function around(
  template: string,
  slot: string,
  slots: Slots,
): { before: SequencePart[]; after: SequencePart[] } {
  const [before, after] = template.split(`{${slot}}`);
  if (before === undefined || after === undefined) {
    throw new TesseraError('configuration', `A prompt template lacks its {${slot}} slot.`);
  }
  return { before: fill(before, slots), after: fill(after, slots) };
}
