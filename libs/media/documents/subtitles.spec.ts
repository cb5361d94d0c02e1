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
});
