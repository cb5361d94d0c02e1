import { describe, expect, it } from 'vitest';
import { StoredTimeline, timelineEntries } from './timeline.js';

const mediumId = 'c'.repeat(64);
const timeline = StoredTimeline.parse([
  {
    parts: [],
    span: { mediumId },
    quote: '',
    lines: [
      { text: '[00:05] Picture: A dog.\n', span: { mediumId, start: 5, end: 9 }, quote: 'A dog.' },
      { text: '[00:20] Hello [sic].\n', span: { mediumId, start: 20, end: 22 }, quote: 'Hello [sic].' },
      { text: 'const a = [1];\n', span: { mediumId, line: 3, file: 'a.ts' }, quote: 'const a = [1];' },
      { text: '[1] Smith 2003.\n', span: { mediumId, line: 4 }, quote: '[1] Smith 2003.' },
      { text: '[page 2] [2] Jones 2004.\n', span: { mediumId, page: 2 }, quote: '[2] Jones 2004.' },
      { text: '[photo [1] copy.jpg] Picture: A cat.\n', span: { mediumId }, quote: 'A cat.' },
    ],
  },
]);

describe('timelineEntries', () => {
  it('gives places as fields and text without its mark', () => {
    expect(timelineEntries(timeline)).toEqual([
      { start: 5, end: 9, page: null, text: 'Picture: A dog.' },
      { start: 20, end: 22, page: null, text: 'Hello [sic].' },
      { start: null, end: null, page: null, line: 3, file: 'a.ts', text: 'const a = [1];' },
      { start: null, end: null, page: null, line: 4, text: '[1] Smith 2003.' },
      { start: null, end: null, page: 2, text: '[2] Jones 2004.' },
      { start: null, end: null, page: null, text: 'Picture: A cat.' },
    ]);
  });

  it('keeps to a range of time', () => {
    expect(timelineEntries(timeline, { start: 9.5, end: 21 }).map((entry) => entry.start)).toEqual([
      20,
      null,
      null,
      null,
      null,
    ]);
  });
});
