import { z } from 'zod';
import { TesseraError } from '#contracts';

/** Bytes per element of the types we read. */
export const ELEMENT_BYTES = { F32: 4, F16: 2, BF16: 2 } as const;
export type SafetensorsType = keyof typeof ELEMENT_BYTES;

export interface SafetensorsInfo {
  name: string;
  type: SafetensorsType;
  /** Row-major; empty for a scalar. */
  shape: number[];
  /** Bytes from the start of the file, start and end. */
  range: readonly [start: number, end: number];
}

const Entry = z.object({
  dtype: z.string(),
  shape: z.array(z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER)),
  data_offsets: z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()]),
});
const Header = z.looseObject({ __metadata__: z.record(z.string(), z.string()).optional() });

/**
 * Reads the JSON header of a safetensors file (https://huggingface.co/docs/safetensors) and trusts none of it: every
 * tensor must lie inside the file and be exactly as long as its type and shape say.
 * @param dataStart where the data section begins, in bytes from the start of the file
 * @throws TesseraError `model_invalid` naming the tensor
 */
export function parseSafetensorsHeader(
  json: string,
  dataStart: number,
  fileSize: number,
): { metadata: Record<string, string>; tensors: Map<string, SafetensorsInfo> } {
  const header = Header.safeParse(tryJson(json));
  if (!header.success) throw invalid('its header is not the JSON of a safetensors file');
  const { __metadata__: metadata = {}, ...entries } = header.data;
  const tensors = Object.entries(entries).map(([name, value]): [string, SafetensorsInfo] => {
    const { success, data: entry } = Entry.safeParse(value);
    if (!success) throw invalid(`the entry of tensor "${name}" is malformed`);
    const type = entry.dtype as SafetensorsType;
    if (!(type in ELEMENT_BYTES))
      throw invalid(`tensor "${name}" is ${type}; ${Object.keys(ELEMENT_BYTES)} can be read`);
    const range = entry.data_offsets.map((offset) => dataStart + offset) as [number, number];
    const bytes = entry.shape.reduce((product, dim) => product * dim, ELEMENT_BYTES[type]);
    if (range[1] - range[0] !== bytes || range[1] > fileSize)
      throw invalid(`tensor "${name}" does not fit: ${bytes} bytes at ${range.join('-')} of ${fileSize}`);
    return [name, { name, type, shape: entry.shape, range }];
  });
  return { metadata, tensors: new Map(tensors) };
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const invalid = (why: string): TesseraError =>
  new TesseraError('model_invalid', `The safetensors file cannot be read: ${why}.`);
