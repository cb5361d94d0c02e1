/**
 * The discrete Fourier transform of complex sequences of one length, by the mixed-radix algorithm of Cooley and Tukey:
 * quick for lengths of small prime factors, right for all.
 */
export class Fourier {
  private readonly cosines: Float64Array;
  private readonly sines: Float64Array;
  private readonly factors: number[];

  constructor(readonly length: number) {
    const angle = (i: number) => (-2 * Math.PI * i) / length;
    this.cosines = Float64Array.from({ length }, (_, i) => Math.cos(angle(i)));
    this.sines = Float64Array.from({ length }, (_, i) => Math.sin(angle(i)));
    this.factors = primeFactors(length);
  }

  /** Writes the transform of (real, imaginary) to the outputs; all have `length` numbers. */
  transform(real: Float64Array, imaginary: Float64Array, outReal: Float64Array, outImaginary: Float64Array): void {
    const { cosines, sines, factors, length } = this;
    const [partReal, partImaginary] = [new Float64Array(length), new Float64Array(length)];
    /** The transform of the `size` inputs at `from`, `from + stride`, … to the outputs from `to` on. */
    const part = (from: number, stride: number, size: number, to: number, level: number): void => {
      if (size === 1) {
        outReal[to] = real[from]!;
        outImaginary[to] = imaginary[from]!;
        return;
      }
      const radix = factors[level]!;
      const rest = size / radix;
      for (let r = 0; r < radix; r++) part(from + r * stride, stride * radix, rest, to + r * rest, level + 1);
      for (let k = 0; k < size; k++) {
        let [sumReal, sumImaginary] = [0, 0];
        for (let r = 0; r < radix; r++) {
          const at = to + r * rest + (k % rest);
          const turn = (r * k * stride) % length;
          sumReal += outReal[at]! * cosines[turn]! - outImaginary[at]! * sines[turn]!;
          sumImaginary += outReal[at]! * sines[turn]! + outImaginary[at]! * cosines[turn]!;
        }
        partReal[k] = sumReal;
        partImaginary[k] = sumImaginary;
      }
      outReal.set(partReal.subarray(0, size), to);
      outImaginary.set(partImaginary.subarray(0, size), to);
    };
    part(0, 1, length, 0, 0);
  }
}

function primeFactors(length: number): number[] {
  const factors: number[] = [];
  let rest = length;
  for (let factor = 2; rest > 1; factor++) for (; rest % factor === 0; rest /= factor) factors.push(factor);
  return factors;
}
