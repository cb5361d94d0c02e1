import { expect, test } from 'vitest';
import type { Medium } from '#contracts';
import { toldApart } from './given.js';

const given = (id: string, name: string, segments = id) => ({ medium: { id, name } as Medium, segments });
const namesOf = (...media: ReturnType<typeof given>[]) => toldApart(media).map(({ medium }) => medium.name);

test('files of one name are numbered in the order given, and the first keeps its name', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((id) => given(id, 'inline.jpeg'));
  expect(namesOf(a!, b!, c!)).toEqual(['inline.jpeg', 'inline-2.jpeg', 'inline-3.jpeg']);
  expect(namesOf(given('a', 'notes'), given('b', 'notes'))).toEqual(['notes', 'notes-2']);
  expect(namesOf(given('a', 'old.d/notes'), given('b', 'old.d/notes'))).toEqual(['old.d/notes', 'old.d/notes-2']);
});

test('no number makes the name of another file', () => {
  const media = [given('a', 'x.png'), given('b', 'x.png'), given('c', 'x-2.png'), given('d', 'x-2.png')];
  expect(namesOf(...media)).toEqual(['x.png', 'x-3.png', 'x-2.png', 'x-2-2.png']);
});

test('what was given twice counts once, by its first name', () => {
  expect(namesOf(given('a', 'talk.mp4'), given('a', 'talk.mp4'), given('b', 'b.mp4'))).toEqual(['talk.mp4', 'b.mp4']);
  expect(namesOf(given('a', 'talk.mp4'), given('a', 'copy.mp4'))).toEqual(['talk.mp4']);
  expect(namesOf(given('a', 'talk.mp4', 's1'), given('a', 'talk.mp4', 's2'))).toEqual(['talk.mp4', 'talk.mp4']);
});
