export interface NucleusOptions {
  /** Above 0. */
  temperature: number;
  /** Keep this many tokens; 0 keeps all. */
  topK: number;
  /** Keep the smallest set of the likeliest tokens whose share is at least this; 1 keeps all. */
  topP: number;
  /** Drop tokens less likely than this share of the likeliest; 0 drops none. */
  minP: number;
}

/** A bucket of the histogram is an eighth of a nat deep. */
const PER_NAT = 8;
/** Tokens more than 255 / 8 nats below the likeliest are dropped: all of them together weigh under 1e-9. */
const BUCKETS = 255;
const DROPPED = 255;
/** Parts of a bucket. */
const FINE = 256;

/**
 * Draws a token after temperature, then top-k, then top-p, then min-p (the order of Hugging Face transformers).
 *
 * Nothing is sorted but a handful of tokens at the edge: a histogram over depth below the likeliest token finds the
 * bucket in which the limit falls, a finer one the part of that bucket, and only that part is ordered.
 *
 * @example
 * const nucleus = new Nucleus(49_152);
 * const token = nucleus.draw(logits, { temperature: 0.7, topK: 0, topP: 0.9, minP: 0 }, random());
 */
export class Nucleus {
  readonly #bucketOf: Uint8Array;
  /** exp(-depth), so 1 for the likeliest. */
  readonly #weight: Float32Array;
  readonly #kept: Int32Array;
  readonly #mass = new Float64Array(BUCKETS);
  readonly #count = new Uint32Array(BUCKETS);

  constructor(vocabulary: number) {
    this.#bucketOf = new Uint8Array(vocabulary);
    this.#weight = new Float32Array(vocabulary);
    this.#kept = new Int32Array(vocabulary);
  }

  /**
   * The tokens that may be drawn, by ascending id. Valid until the next call.
   * @param logits [vocabulary]; -Infinity excludes a token
   */
  candidates(logits: Float32Array, options: NucleusOptions): Int32Array {
    const { topK, topP, minP } = options;
    if (!this.#histogram(logits, 1 / options.temperature)) return new Int32Array(0);
    let ids: Int32Array;
    if (topK > 0) {
      ids = this.#likeliest(logits, this.#count, topK, () => 1);
      if (topP < 1) ids = this.#smallestWithShare(ids.sort(likeliestFirst(logits)), topP).sort();
    } else if (topP < 1) {
      const target = topP * this.#mass.reduce((sum, mass) => sum + mass, 0);
      ids = this.#likeliest(logits, this.#mass, target, (id) => this.#weight[id]!);
    } else ids = this.#likeliest(logits, this.#count, Infinity, () => 1);
    return minP > 0 ? ids.filter((id) => this.#weight[id]! >= minP) : ids;
  }

  /**
   * @param u uniform in [0, 1)
   * @returns -1 when every logit is -Infinity
   */
  draw(logits: Float32Array, options: NucleusOptions, u: number): number {
    const ids = this.candidates(logits, options);
    const weight = this.#weight;
    let total = 0;
    for (let i = 0; i < ids.length; i++) total += weight[ids[i]!]!;
    let rest = u * total;
    for (let i = 0; i < ids.length; i++) if ((rest -= weight[ids[i]!]!) < 0) return ids[i]!;
    return ids.at(-1) ?? -1; // Rounding left a crumb, or there was nothing.
  }

  /** @returns false when no token is allowed */
  #histogram(logits: Float32Array, rate: number): boolean {
    const bucketOf = this.#bucketOf;
    const weight = this.#weight;
    const mass = this.#mass.fill(0);
    const count = this.#count.fill(0);
    let max = -Infinity;
    for (let i = 0; i < logits.length; i++) if (logits[i]! > max) max = logits[i]!;
    for (let i = 0; i < logits.length; i++) {
      const depth = (max - logits[i]!) * rate;
      const bucket = depth * PER_NAT;
      if (bucket < BUCKETS) {
        const w = Math.exp(-depth);
        const b = bucket | 0;
        bucketOf[i] = b;
        weight[i] = w;
        mass[b]! += w;
        count[b]!++;
      } else bucketOf[i] = DROPPED;
    }
    return max > -Infinity;
  }

  /** The fewest likeliest tokens whose sizes add up to `target`; `sizes` holds the sum of sizes per bucket. */
  #likeliest(
    logits: Float32Array,
    sizes: ArrayLike<number>,
    target: number,
    sizeOf: (id: number) => number,
  ): Int32Array {
    const bucketOf = this.#bucketOf;
    const kept = this.#kept;
    let edge = 0;
    let sum = 0;
    while (edge < BUCKETS && sum + sizes[edge]! < target) sum += sizes[edge++]!;
    let n = 0;
    if (edge === BUCKETS) {
      for (let i = 0; i < bucketOf.length; i++) if (bucketOf[i] !== DROPPED) kept[n++] = i;
      return kept.subarray(0, n);
    }
    const last = this.#lastWithin(logits, edge, target - sum, sizeOf);
    const limit = logits[last]!;
    for (let i = 0; i < logits.length; i++) {
      const x = logits[i]!;
      if (x > limit || (x === limit && i <= last)) kept[n++] = i;
    }
    return kept.subarray(0, n);
  }

  /** Of the tokens in one bucket, likeliest first, the one with which their sizes reach `target`. */
  #lastWithin(logits: Float32Array, bucket: number, target: number, sizeOf: (id: number) => number): number {
    let high = -Infinity;
    let low = Infinity;
    const ids: number[] = [];
    for (let i = 0; i < logits.length; i++) {
      if (this.#bucketOf[i] !== bucket) continue;
      ids.push(i);
      if (logits[i]! > high) high = logits[i]!;
      if (logits[i]! < low) low = logits[i]!;
    }
    const rate = high > low ? (FINE - 1) / (high - low) : 0;
    const partOf = (id: number): number => Math.floor((high - logits[id]!) * rate);
    const parts = new Float64Array(FINE);
    for (const id of ids) parts[partOf(id)]! += sizeOf(id);
    let edge = 0;
    let sum = 0;
    while (edge < FINE - 1 && sum + parts[edge]! < target) sum += parts[edge++]!;
    const order = likeliestFirst(logits);
    const ordered = ids.filter((id) => partOf(id) === edge).sort(order);
    // Where rounding leaves the sum a crumb short, the whole bucket is meant.
    return (
      ordered.find((id) => (sum += sizeOf(id)) >= target) ?? ids.reduce((last, id) => (order(last, id) < 0 ? id : last))
    );
  }

  #smallestWithShare(likeliestFirst: Int32Array, share: number): Int32Array {
    let target = 0;
    for (const id of likeliestFirst) target += this.#weight[id]! * share;
    let sum = 0;
    let n = 0;
    while (n < likeliestFirst.length && (n === 0 || sum < target)) sum += this.#weight[likeliestFirst[n++]!]!;
    return likeliestFirst.subarray(0, n);
  }
}

const likeliestFirst =
  (logits: Float32Array) =>
  (a: number, b: number): number =>
    logits[b]! - logits[a]! || a - b;
