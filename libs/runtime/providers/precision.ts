import type { Precision, QuantisedKernel } from '../graph/linear.js';
import type { Cpu } from './cpu.js';

/** Instructions that multiply bytes and add them up in 32 bits. */
const EXACT_INT8 = ['AMX int8', 'AVX-512 VNNI', 'AVX-VNNI', 'int8 matrix product', 'dot product'];

export interface ChosenPrecision {
  precision: Precision;
  /** The kernel for many rows at once. */
  manyRows: QuantisedKernel;
  /** Whether products of two signed bytes are added up without saturating. */
  exactBytes: boolean;
  reason: string;
}

/**
 * How the decoder multiplies on this processor. Where bytes are only multiplied in pairs that saturate at 16 bits (x86
 * before VNNI), plain int8 × int8 gives wrong sums, and onnxruntime's own advice is not to use it: there many rows are
 * multiplied in blocks too, slower and exact.
 */
export function choosePrecision({ abilities }: Pick<Cpu, 'abilities'>): ChosenPrecision {
  const exact = EXACT_INT8.find((name) => abilities?.includes(name));
  if (exact)
    return { precision: 'int8', manyRows: 'columns', exactBytes: true, reason: `${exact} multiplies bytes exactly` };
  const reason = abilities
    ? 'in blocks, since this processor has no VNNI or dot product and sums of int8 products would saturate'
    : 'in blocks, since the system does not tell what the processor can do';
  return { precision: 'int8', manyRows: 'blocks', exactBytes: false, reason };
}
