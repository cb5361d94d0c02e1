import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { proseBlocks, sourceBlocks } from './plain.js';

describe('sourceBlocks', () => {
  it('keeps lines as they stand, with their numbers', () => {
    expect(sourceBlocks('if x:\r\n    y()\r\n\r\nz()')).toEqual([
      { text: 'if x:', line: 1 },
      { text: '    y()', line: 2 },
      { text: 'z()', line: 4 },
    ]);
  });

  it('numbers every line that an editor would', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z ]{0,8}$/), { minLength: 1, maxLength: 20 }), (lines) => {
        for (const { text, line } of sourceBlocks(lines.join('\n')))
          expect(lines[(line ?? 0) - 1]?.trimEnd()).toBe(text);
      }),
    );
  });
});

describe('proseBlocks', () => {
  it('joins lines that were wrapped by hand, and no others', () => {
    const text = [
      'The harbour of the town was built in the year 1070 and burned',
      'down many times since. It is a world heritage site.',
      '',
      'Contents',
      '- one thing that is long enough to have been wrapped at the end',
      '- another thing',
    ].join('\n');
    expect(proseBlocks(text)).toEqual([
      {
        text: 'The harbour of the town was built in the year 1070 and burned down many times since. It is a world heritage site.',
        line: 1,
        lineStarts: [62],
      },
      { text: 'Contents', line: 4 },
      { text: '- one thing that is long enough to have been wrapped at the end', line: 5 },
      { text: '- another thing', line: 6 },
    ]);
  });

  it('tells where in a paragraph each of its lines begins', () => {
    const lines = Array.from({ length: 20 }, (_, i) => `and the harbour of the town was built again in ${1900 + i}`);
    const [block, ...others] = proseBlocks(`Title\n\n${lines.join('\n')}`).slice(1);
    expect(others).toEqual([]);
    expect(block?.line).toBe(3);
    const starts = [0, ...(block?.lineStarts ?? [])];
    expect(starts.map((at, i) => block?.text.slice(at, starts[i + 1]).trim())).toEqual(lines);
  });

  it('counts no line for a form feed, and begins a paragraph with it', () => {
    expect(proseBlocks('Line one.\n\fLine two.\nLine three.\n\f\nLine\ffour.\f')).toEqual([
      { text: 'Line one.', line: 1 },
      { text: 'Line two.', line: 2 },
      { text: 'Line three.', line: 3 },
      { text: 'Line four.', line: 5 },
    ]);
    const long = 'a line that is long enough to have been wrapped at its end';
    expect(proseBlocks(`${long}\n\fnext page`)).toHaveLength(2);
  });
});
