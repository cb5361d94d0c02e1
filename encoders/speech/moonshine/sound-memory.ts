import { tensor, type Feeds, type Tensor } from '#runtime';
import { crossNames, stepsOf } from './encoder-graph.js';
import { ReusedTensors } from './reused-tensors.js';
import { SHAPE } from './weights.js';

const { heads, headSize, layers } = SHAPE;
const MINUS_INFINITY = -1e9;
const NAMES = Array.from({ length: layers }, (_, layer) => crossNames(layer)).flat();

type Sound = Record<string, Tensor<'float32'>>;

/**
 * What the decoder remembers of the sound of a batch of utterances: keys and values of each layer, [utterances, heads, steps, headSize],
 * shorter utterances filled up. It is a megabyte for two seconds, so the next batch takes the memory over.
 */
export class SoundMemory {
  private readonly batch = new ReusedTensors();
  private steps: number[] = [];
  private sounds: Sound = {};

  /** @param one where an utterance is alone; nobody else takes from it while it is used */
  constructor(private readonly one: ReusedTensors) {}

  /** @param lengths samples that the encoder gets of each utterance */
  begin(lengths: readonly number[]): void {
    this.steps = lengths.map(stepsOf);
    this.sounds = this.batch.take(NAMES, [this.steps.length, heads, this.longest, headSize]);
  }

  /** Where the encoder writes an utterance; good until the next call of this or of `alone`. */
  place(utterance: number): Sound {
    return this.one.take(NAMES, [1, heads, this.steps[utterance]!, headSize]);
  }

  /** Takes over what was written to its place. */
  keep(utterance: number, written: Sound): void {
    this.rows(utterance, written, (ofBatch, ofOne) => {
      ofBatch.set(ofOne);
      ofBatch.fill(0, ofOne.length);
    });
  }

  /** An utterance as it was written; good until the next call of this or of `place`. */
  alone(utterance: number): Sound {
    const sound = this.place(utterance);
    this.rows(utterance, sound, (ofBatch, ofOne) => ofOne.set(ofBatch.subarray(0, ofOne.length)));
    return sound;
  }

  /** The decoder's feeds, with a mask over what was filled up. */
  feeds(): Feeds {
    const { longest, steps } = this;
    const bias = new Float32Array(steps.length * longest).fill(MINUS_INFINITY);
    steps.forEach((count, i) => bias.fill(0, i * longest, i * longest + count));
    return { ...this.sounds, cross_bias: tensor('float32', [steps.length, 1, 1, longest], bias) };
  }

  private get longest(): number {
    return Math.max(...this.steps);
  }

  /** Each head's memory of an utterance: in the batch, and alone. */
  private rows(utterance: number, alone: Sound, each: (ofBatch: Float32Array, ofOne: Float32Array) => void): void {
    const [whole, part] = [this.longest * headSize, this.steps[utterance]! * headSize];
    for (const name of NAMES)
      for (let head = 0; head < heads; head++) {
        const at = (utterance * heads + head) * whole;
        each(
          this.sounds[name]!.data.subarray(at, at + whole),
          alone[name]!.data.subarray(head * part, (head + 1) * part),
        );
      }
  }
}
