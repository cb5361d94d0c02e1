import { expect, test } from 'vitest';
import { evidenceLinks } from './links.js';

const mediumId = 'a'.repeat(64);
const medium = `/v1/media/${mediumId}`;

test('a film has the frame that begins there and the clip', () => {
  expect(evidenceLinks({ mediumId, start: 12.3456, end: 15.5 }, 'video')).toEqual({
    frame_url: `${medium}/frame?t=12.345`,
    clip_url: `${medium}/clip?start=12.345&end=15.5`,
  });
});

test('a recording has the clip alone, a picture the frame alone, a text nothing', () => {
  expect(evidenceLinks({ mediumId, start: 1.001, end: 2.5 }, 'audio')).toEqual({
    clip_url: `${medium}/clip?start=1.001&end=2.5`,
  });
  expect(evidenceLinks({ mediumId, start: null, end: null }, 'image')).toEqual({ frame_url: `${medium}/frame` });
  for (const kind of ['text', 'unknown', 'video'] as const)
    expect(evidenceLinks({ mediumId, start: null, end: null }, kind)).toEqual({});
});

test('clips are neither too short to see nor too long to send', () => {
  const clip = (start: number, end: number) => evidenceLinks({ mediumId, start, end }, 'audio').clip_url;
  expect(clip(5, 5)).toBe(`${medium}/clip?start=5&end=6`);
  expect(clip(5, 500)).toBe(`${medium}/clip?start=5&end=35`);
});
