import { z } from 'zod';
import { TesseraError } from '#contracts';
import type { BatchFault } from '#storage';

/** A line of a JSONL file that is not blank. */
export interface RawLine {
  /** Counts from 1, blank lines too. */
  line: number;
  /** Place in the file: first byte, and the first one behind the line without its end. */
  start: number;
  end: number;
  bytes: Buffer;
}

const NEWLINE = 0x0a;
const isBlank = (bytes: Buffer) => bytes.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);

/** Splits a file while it is read. Throws `file_too_large` for a line of more than `maxBytes`. */
export async function* readLines(source: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<RawLine> {
  let line = 1;
  let start = 0;
  let parts: Uint8Array[] = [];
  let size = 0;
  const take = (part: Uint8Array) => {
    size += part.byteLength;
    if (size > maxBytes) throw new TesseraError('file_too_large', `Line ${line} is longer than ${maxBytes} bytes.`);
    parts.push(part);
  };
  const cut = (): RawLine => {
    const raw = { line, start, end: start + size, bytes: Buffer.concat(parts) };
    line++;
    start = raw.end + 1;
    [parts, size] = [[], 0];
    return raw;
  };
  for await (const chunk of source) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      take(chunk.subarray(from, at));
      from = at + 1;
      const raw = cut();
      if (!isBlank(raw.bytes)) yield raw;
    }
    take(chunk.subarray(from));
  }
  const last = cut();
  if (!isBlank(last.bytes)) yield last;
}

const Line = z.object({
  custom_id: z.string().min(1).max(512),
  method: z.literal('POST'),
  url: z.string(),
  body: z.record(z.string(), z.unknown()),
});
export type Line = z.output<typeof Line>;

/** A line as a request, or what is wrong with it. What is wrong with its body is found when it is its turn. */
export function parseLine({ line, bytes }: Pick<RawLine, 'line' | 'bytes'>, endpoint: string): Line | BatchFault {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return { code: 'invalid_json_line', message: 'This line is not JSON.', param: null, line };
  }
  const parsed = Line.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const param = issue?.path.map(String).join('.') || null;
    return { code: 'invalid_line', message: `${param ?? 'The line'}: ${issue?.message ?? 'is wrong'}`, param, line };
  }
  if (parsed.data.url === endpoint) return parsed.data;
  const message = `url: is ${parsed.data.url}, but the endpoint of this batch is ${endpoint}`;
  return { code: 'mismatched_url', message, param: 'url', line };
}
