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
    ],
  },
]);

describe('timelineEntries', () => {
  it('gives places as fields and text without its mark', () => {
    expect(timelineEntries(timeline)).toEqual([
      { start: 5, end: 9, page: null, text: 'Picture: A dog.' },
      { start: 20, end: 22, page: null, text: 'Hello [sic].' },
      { start: null, end: null, page: null, line: 3, file: 'a.ts', text: 'const a = [1];' },
    ]);
  });

  it('keeps to a range of time', () => {
    expect(timelineEntries(timeline, { start: 9.5, end: 21 }).map((entry) => entry.start)).toEqual([20, null]);
  });
});
