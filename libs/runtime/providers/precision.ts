import type { Precision } from '../graph/linear.js';
import type { Cpu } from './cpu.js';

/** Instructions that multiply bytes and add them up in 32 bits. */
const EXACT_INT8 = ['AMX int8', 'AVX-512 VNNI', 'AVX-VNNI', 'int8 matrix product', 'dot product'];

/**
 * How the decoder's matrices are kept on this processor. Where bytes are only multiplied in pairs that saturate at 16
 * bits (x86 before VNNI), int8 × int8 gives wrong sums, and onnxruntime's own advice is not to use it.
 */
export function choosePrecision({ abilities }: Pick<Cpu, 'abilities'>): { precision: Precision; reason: string } {
  const exact = EXACT_INT8.find((name) => abilities?.includes(name));
  if (exact) return { precision: 'int8', reason: `${exact} multiplies bytes exactly` };
  const reason = abilities
    ? 'this processor has no VNNI or dot product, so that sums of int8 products would saturate'
    : 'the system does not tell what the processor can do';
  return { precision: 'float32', reason };
}
