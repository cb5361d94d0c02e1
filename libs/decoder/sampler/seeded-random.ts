/**
 * xoshiro128** (Blackman and Vigna, 2018) with its state filled by SplitMix32 from the seed: the same seed gives the
 * same numbers on every machine. Not for secrets.
 *
 * @example
 * const random = seededRandom(7);
 * random(); // in [0, 1), a multiple of 2^-32
 */
export function seededRandom(seed: number): () => number {
  // Seeds beyond 32 bits count in full.
  let mix = (seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1)) >>> 0;
  const next32 = (): number => {
    mix = (mix + 0x9e3779b9) | 0;
    let z = mix ^ (mix >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
  let [a, b, c, d] = [next32(), next32(), next32(), next32()];
  if ((a | b | c | d) === 0) a = 1; // The one state from which the generator never leaves.
  return () => {
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result / 2 ** 32;
  };
}
