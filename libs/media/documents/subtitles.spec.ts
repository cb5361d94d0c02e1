import { describe, expect, it } from 'vitest';
import { subtitleBlocks } from './subtitles.js';

describe('subtitleBlocks', () => {
  it('reads SubRip with its comma and its tags', () => {
    const text =
      '\ufeff1\r\n00:00:01,500 --> 00:00:03,000\r\n<i>Hello,</i>\r\n{\\an8}Maria.\r\n\r\n2\r\n01:00:00,000 --> 01:00:02,250\r\nBye &amp; thanks\r\n';
    expect(subtitleBlocks(text)).toEqual([
      { text: 'Hello, Maria.', start: 1.5, end: 3, line: 2 },
      { text: 'Bye & thanks', start: 3600, end: 3602.25, line: 7 },
    ]);
  });

  it('reads WebVTT without hours, with settings, names and notes', () => {
    const text =
      'WEBVTT - a talk\n\nNOTE not said\n\nintro\n00:01.000 --> 00:02.000 align:start\n<v Ann>Good morning\n';
    expect(subtitleBlocks(text)).toEqual([{ text: 'Good morning', start: 1, end: 2, line: 6 }]);
  });

  it('takes a cue that says the same on for one', () => {
    const cue = (from: number, to: number) => `00:0${from}.000 --> 00:0${to}.000\nSame words\n\n`;
    expect(
      subtitleBlocks(`WEBVTT\n\n${cue(1, 2)}${cue(2, 4)}${cue(8, 9)}`).map(({ start, end }) => [start, end]),
    ).toEqual([
      [1, 4],
      [8, 9],
    ]);
  });

  it('tells cues apart that no empty line parts', () => {
    const text =
      '1\n00:00:01,000 --> 00:00:02,000\nCount\n10\n2\n00:00:03,000 --> 00:00:04,000\nWorld\n3\n00:00:05,000 --> 00:00:06,000\n4\n';
    expect(subtitleBlocks(text)).toEqual([
      { text: 'Count 10', start: 1, end: 2, line: 2 },
      { text: 'World', start: 3, end: 4, line: 6 },
      { text: '4', start: 5, end: 6, line: 9 },
    ]);
    const bare = 'WEBVTT\n\n00:01.000 --> 00:02.000\n10\n00:03.000 --> 00:04.000\nWorld';
    expect(subtitleBlocks(bare).map((block) => block.text)).toEqual(['10', 'World']);
  });

  it.each([
    ['I <3 you and 5 > 4', 'I <3 you and 5 > 4'],
    ['a <b and c> d', 'a <b and c> d'],
    ['<c.yellow.bg_blue>One</c> <v.loud Ann Lee>two</v> <00:00:01.500><c>three</c>', 'One two three'],
    ['<font color="#fff">Four</font> <lang en-GB>five</lang> <ruby>6<rt>six</rt></ruby> <I>7</I >', 'Four five 6six 7'],
  ])('reads %s', (line, text) => {
    expect(subtitleBlocks(`00:01.000 --> 00:02.000\n${line}`).map((block) => block.text)).toEqual([text]);
  });

  it.each(['<v ', '<b.', '<c ', '{\\', '<00:', '&a'])('is not held up by a cue of %j', (mark) => {
    const started = performance.now();
    for (const line of [mark.repeat(200_000), mark + ' '.repeat(200_000)])
      subtitleBlocks(`00:01.000 --> 00:02.000\n${line}`);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
