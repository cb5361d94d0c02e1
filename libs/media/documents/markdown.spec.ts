import { describe, expect, it } from 'vitest';
import { markdownBlocks } from './markdown.js';

const texts = (blocks: { text: string }[]) => blocks.map((block) => block.text);

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

  it('opens no fence for code between backticks at the start of a line', () => {
    expect(texts(markdownBlocks('Use ```npm i``` here\n\n```inline``` starts\nNext *para*\n\n# H'))).toEqual([
      'Use npm i here',
      'inline starts Next para',
      'H',
    ]);
    expect(texts(markdownBlocks('````\n```js\n`x`\n```\n````\nend'))).toEqual(['```js', '`x`', '```', 'end']);
  });

  it('tells where in a paragraph each of its lines begins', () => {
    expect(markdownBlocks('We **go**\nto Oslo\nsoon.\n\nBye.')).toEqual([
      { text: 'We go to Oslo soon.', line: 1, lineStarts: [6, 14] },
      { text: 'Bye.', line: 5 },
    ]);
  });

  it.each([
    ['Use the `<video>` element.', 'Use the <video> element.'],
    ['Returns `Map<string, number>` here.', 'Returns Map<string, number> here.'],
    ['`**a**` is **b `__c__` d**, and `` ` `` a tick; `open', '**a** is b __c__ d, and ` a tick; `open'],
    ['Map<string, number> and if a <b and c> d', 'Map<string, number> and if a <b and c> d'],
    ['Contact: <bob@example.com>', 'Contact: bob@example.com'],
    ['See <https://example.com/docs/__init__/_x_> for more.', 'See https://example.com/docs/__init__/_x_ for more.'],
    ['<p align="center"><b>Bold</b><br/> x<sup>2</sup></p> <details open> <!-- no -->end', 'Bold x2  end'],
    ['[![build](https://x.org/a.svg)](https://x.org) [wiki](https://x.org/A_(b)) [1]', 'build wiki [1]'],
    ['__init__ of a__b__c, __bold words__ and __Note:__ x_1', '__init__ of a__b__c, bold words and Note: x_1'],
    ['- [x] Buy milk', '[x] Buy milk'],
    ['* [ ] Buy bread', '[ ] Buy bread'],
    ['5 * 3 * 2', '5 * 3 * 2'],
  ])('reads %s', (line, text) => {
    expect(texts(markdownBlocks(line))).toEqual([text]);
  });

  it.each([
    '[',
    '![',
    '[a](',
    '[a](()',
    '`',
    '` ``',
    '<a ',
    '<a =',
    '<!--',
    '**a',
    ' __a',
    '_a ',
    '<a@',
    '<ab:',
    '~~ ',
    '|  ',
    '<br open ',
  ])('is not held up by a line of %j', (mark) => {
    const started = performance.now();
    markdownBlocks(mark.repeat(200_000));
    markdownBlocks(mark + ' '.repeat(200_000) + 'x');
    markdownBlocks(mark + '='.repeat(200_000));
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
