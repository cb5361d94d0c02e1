import { Random } from '../../../bench/eval/mosaic/random.js';
import { hostile, type HostileFile } from './hostile-file.js';

/** Shares of a file that arrive before the connection breaks. */
const CUTS = [0.3, 0.95];
/** One byte in so many is changed. */
const ONE_IN = 100;

/** Every format cut off. */
export const truncations = (files: ReadonlyMap<string, Buffer>): HostileFile[] =>
  [...files].flatMap(([name, bytes]) =>
    CUTS.map((share) =>
      hostile(`${name}, ${share * 100} % of it`, name, bytes.subarray(0, Math.ceil(bytes.length * share))),
    ),
  );

/** Every format with bytes changed by chance, its first 16 left so that it is taken for what it was. */
export function corruptions(files: ReadonlyMap<string, Buffer>, seed: number): HostileFile[] {
  const random = new Random(seed);
  return [...files].map(([name, bytes]) => {
    const changed = Buffer.from(bytes);
    for (let i = 16; i < changed.length; i++)
      if (random.next() * ONE_IN < 1) changed[i] = Math.floor(random.next() * 256);
    return hostile(`${name}, one byte in ${ONE_IN} changed`, name, changed);
  });
}

/** Every format under the name of another one. */
export function lies(files: ReadonlyMap<string, Buffer>): HostileFile[] {
  const names = [...files.keys()];
  return [...files.values()].map((bytes, i) => {
    const name = names[(i + 7) % names.length] ?? 'file';
    return hostile(`${names[i]} that calls itself ${name}`, name, bytes);
  });
}
