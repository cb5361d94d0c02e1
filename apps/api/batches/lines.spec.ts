import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseLine, readLines, type RawLine } from './lines.js';

async function linesOf(bytes: Buffer, chunk: number, maxBytes = 1000): Promise<RawLine[]> {
  async function* source() {
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
  }
  const lines: RawLine[] = [];
  for await (const line of readLines(source(), maxBytes)) lines.push(line);
  return lines;
}

test('lines are the same however the bytes arrive, and stand where they say', async () => {
  const text = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', ' ', '\n', '\r', '"') }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 7 }), async (words, chunk) => {
      const bytes = Buffer.from(words.join('\n'));
      const lines = await linesOf(bytes, chunk);
      const wanted = bytes.toString().split('\n');
      expect(lines.map(({ line, bytes: each }) => [line, each.toString()])).toEqual(
        wanted.map((each, i) => [i + 1, each]).filter(([, each]) => /[^ \r]/.test(String(each))),
      );
      for (const { start, end, bytes: each } of lines) expect(bytes.subarray(start, end)).toEqual(each);
    }),
  );
});

test('a line that is too long is not gathered', async () => {
  await expect(linesOf(Buffer.alloc(101, 'a'), 10, 100)).rejects.toMatchObject({ code: 'file_too_large' });
  expect(await linesOf(Buffer.from(`${'a'.repeat(100)}\n${'b'.repeat(100)}`), 10, 100)).toHaveLength(2);
});

test('what is wrong with a line is said', () => {
  const parse = (value: unknown) =>
    parseLine({ line: 7, bytes: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)) }, '/v1/a');
  const good = { custom_id: 'x', method: 'POST', url: '/v1/a', body: { n: 1 } };
  expect(parse(good)).toEqual(good);
  expect(parse('{"custom_id":')).toMatchObject({ code: 'invalid_json_line', line: 7 });
  expect(parse({ ...good, custom_id: undefined })).toMatchObject({ code: 'invalid_line', param: 'custom_id' });
  expect(parse({ ...good, method: 'GET' })).toMatchObject({ code: 'invalid_line', param: 'method' });
  expect(parse({ ...good, url: '/v1/b' })).toMatchObject({ code: 'mismatched_url', param: 'url' });
  expect(parse('[]')).toMatchObject({ code: 'invalid_line', param: null });
});
