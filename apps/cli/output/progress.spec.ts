import { expect, test } from 'vitest';
import { progressLine } from './progress.js';

test('a long path leaves room for the bar, and keeps its name', () => {
  const line = progressLine('/a/very/long/path/that/nobody/wants/to/read/recording.mp3', 0.5, 'hear', 60);
  expect(line).toHaveLength(60);
  expect(line).toMatch(/^….*recording\.mp3 █{12}░{12} +50 % hear$/);
  expect(progressLine('a.mp3', 1, '', 80)).toMatch(/^a\.mp3 █{24} 100 % $/);
  expect(progressLine('recording.mp3', 0, 'hear', 20)).toHaveLength(20);
});
