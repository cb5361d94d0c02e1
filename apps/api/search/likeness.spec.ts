import { expect, test } from 'vitest';
import { likenesses, lookAt } from './likeness.js';

const film = {
  medium: { id: 'a'.repeat(64), name: 'film.mp4', kind: 'video' as const },
  starts: [0, 4, 8, 12, 20],
  ends: [4, 8, 12, 20, 24],
  features: Int8Array.of(127, 0, 100, 20, 0, 127, 0, -127, 60, 60),
};

test('the frame that is on the screen at a time', () => {
  expect(lookAt(film)?.index).toBe(0);
  expect(lookAt(film, 7.9)?.index).toBe(1);
  expect(lookAt(film, 500)?.index).toBe(4);
  expect([...(lookAt(film, 8)?.row ?? [])]).toEqual([0, 127]);
  expect(lookAt({ starts: [null], ends: [null], features: Int8Array.of(3) }, 9)?.index).toBe(0);
  expect(lookAt({ starts: [], ends: [], features: new Int8Array(0) })).toBeUndefined();
});

test('of frames in a row the most similar one, whatever its length; nothing that looks the other way', () => {
  const found = likenesses(Int8Array.of(10, 0), film);
  expect(found.map(({ start, end }) => [start, end])).toEqual([
    [0, 4],
    [20, 24],
  ]);
  expect(found.map(({ rank }) => rank)).toEqual([1, expect.closeTo(Math.SQRT1_2, 6)]);
});

test('a frame is not like itself, and looks of another encoder are not compared', () => {
  expect(likenesses(Int8Array.of(10, 0), film, 0).map(({ start }) => start)).toEqual([4, 20]);
  expect(likenesses(Int8Array.of(1, 2, 3), film)).toEqual([]);
});
