import { openSession, tensor, type Feeds, type LocalSession, type Tensor } from '#runtime';

export interface DecoderFiles {
  /** decoder_model_merged.onnx, or decoder_model.onnx … */
  decoder: string;
  /** … with decoder_with_past_model.onnx. */
  decoderWithPast?: string;
  threads: number;
}

const PAST = 'past_key_values.';
const PRESENT = 'present.';
const CROSS = 'cross_attentions.';

/** A Whisper decoder as it is usually exported: one file with a switch, or one for the first step and one for the others. */
export class WhisperDecoder {
  private constructor(
    private readonly first: LocalSession,
    private readonly next: LocalSession,
  ) {}

  static async open({ decoder, decoderWithPast, threads }: DecoderFiles): Promise<WhisperDecoder> {
    const first = await openSession({ file: decoder, name: 'speech decoder', threads });
    if (decoderWithPast === undefined) return new WhisperDecoder(first, first);
    return new WhisperDecoder(
      first,
      await openSession({ file: decoderWithPast, name: 'speech decoder, next tokens', threads }),
    );
  }

  /** True when the file gives its cross-attention, from which words get their times. */
  get givesAttention(): boolean {
    return this.first.outputs.some(({ name }) => name.startsWith(CROSS));
  }

  /**
   * A pass over texts of which nothing is known yet. @param sound float32 [n, steps, d] @param tokens int64 [n, length]
   * @returns a function that takes the next tokens, int64 [n, any]; both give logits [n, length, vocabulary]
   */
  begin(sound: Tensor): (tokens: BigInt64Array<ArrayBuffer>) => Promise<Tensor> {
    const size = sound.dims[0]!;
    const past: Feeds = {};
    let begun = false;
    return async (tokens) => {
      const session = begun ? this.next : this.first;
      const present = session.outputs
        .map(({ name }) => name)
        // What the sound says of itself is made by the first step, and stays.
        .filter((name) => name.startsWith(PRESENT) && !(begun && name.includes('.encoder.')));
      const results = await session.run(this.feeds(session, sound, size, tokens, begun ? past : {}), {
        outputs: ['logits', ...present],
      });
      for (const name of present) past[PAST + name.slice(PRESENT.length)] = results[name]!;
      begun = true;
      return results.logits!;
    };
  }

  /** Cross-attention of a whole text, one tensor float32 [1, heads, tokens, steps] for each layer. */
  async attention(sound: Tensor, tokens: readonly number[]): Promise<Tensor[]> {
    const outputs = this.first.outputs.map(({ name }) => name).filter((name) => name.startsWith(CROSS));
    const ids = BigInt64Array.from(tokens, BigInt);
    const results = await this.first.run(this.feeds(this.first, sound, 1, ids, {}), { outputs });
    return outputs.map((name) => results[name]!);
  }

  async dispose(): Promise<void> {
    await this.first.dispose();
    if (this.next !== this.first) await this.next.dispose();
  }

  /** What the session takes; keys and values that there are none of yet are empty. */
  private feeds(
    session: LocalSession,
    sound: Tensor,
    size: number,
    tokens: BigInt64Array<ArrayBuffer>,
    past: Feeds,
  ): Feeds {
    const known: Feeds = {
      input_ids: tensor('int64', [size, tokens.length / size], tokens),
      encoder_hidden_states: sound,
      use_cache_branch: tensor('bool', [1], Uint8Array.of(Object.keys(past).length > 0 ? 1 : 0)),
      ...past,
    };
    const empty = (dims: readonly (number | string)[]) =>
      tensor('float32', [size, Number(dims[1]), 0, Number(dims[3])], new Float32Array(0));
    return Object.fromEntries(session.inputs.map(({ name, dims }) => [name, known[name] ?? empty(dims)]));
  }
}
