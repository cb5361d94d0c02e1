import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BLOCK_FORMATS } from './blocks.js';
import { dequantize } from './file.js';

interface Golden {
  type: number;
  bytes: string;
  count: number;
  sum: number;
  weighted: number;
  first: number[];
}

// Random blocks, dequantised by the `gguf` package of PyPI.
const goldens = JSON.parse(readFileSync(new URL('./golden.json', import.meta.url), 'utf8')) as Record<string, Golden>;

describe('GGUF block formats', () => {
  it.each(Object.entries(goldens))('%s decodes like the reference', (name, golden) => {
    const format = BLOCK_FORMATS[golden.type]!;
    const bytes = Buffer.from(golden.bytes, 'base64');
    const values = dequantize(format, bytes, bytes.byteLength / format.bytes);
    expect(format.name).toBe(name);
    expect(values.length).toBe(golden.count);
    golden.first.forEach((value, i) => expect(values[i]).toBeCloseTo(value, 5));
    const scale = Math.max(1, Math.sqrt(golden.count));
    expect(values.reduce((a, b) => a + b, 0) / scale).toBeCloseTo(golden.sum / scale, 2);
    expect(values.reduce((a, b, i) => a + b * Math.cos(i), 0) / scale).toBeCloseTo(golden.weighted / scale, 2);
  });
});
