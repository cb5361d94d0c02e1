import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { markdownBlocks, proseBlocks, sourceBlocks } from './plain.js';

const texts = (blocks: { text: string }[]) => blocks.map((block) => block.text);

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
      },
      { text: 'Contents', line: 4 },
      { text: '- one thing that is long enough to have been wrapped at the end', line: 5 },
      { text: '- another thing', line: 6 },
    ]);
  });
});

describe('markdownBlocks', () => {
  it('reads what a reader of the page would', () => {
    const text =
      '# The *plan*\n\nWe go to\n[Oslo](https://example.org) **soon**.\n\n- first\n- second\n\n| a | b |\n|---|---|\n| 1 | 2 |';
    expect(texts(markdownBlocks(text))).toEqual([
      'The plan',
      'We go to Oslo soon.',
      'first',
      'second',
      'a | b',
      '1 | 2',
    ]);
  });

  it('keeps fenced code line by line, untouched', () => {
    expect(markdownBlocks('See:\n```js\n# not a heading\n  **x**\n```\nend')).toEqual([
      { text: 'See:', line: 1 },
      { text: '# not a heading', line: 3 },
      { text: '  **x**', line: 4 },
      { text: 'end', line: 6 },
    ]);
  });
});
