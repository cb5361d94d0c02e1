import { describe, expect, it } from 'vitest';
import { zipType } from './archive.js';
import { namedTextType, textType } from './text-type.js';

describe('namedTextType', () => {
  it.each([
    ['notes.txt', 'text/plain'],
    ['README.md', 'text/markdown'],
    ['src/app.module.ts', 'text/x-source'],
    ['Makefile', 'text/x-source'],
    ['data.csv', 'text/x-source'],
  ])('%s is cut as %s', (name, type) => {
    expect(namedTextType(name, 'text/plain')).toBe(type);
  });

  it('never overrules what the content says', () => {
    expect(namedTextType('page.ts', textType('<!doctype html><p>'))).toBe('text/html');
  });
});

describe('zipType', () => {
  it('tells documents, archives and what is not read by the entries', () => {
    expect(zipType(['[Content_Types].xml', 'word/document.xml'])).toMatchObject({
      type: expect.stringContaining('wordprocessing'),
    });
    expect(zipType(['src/a.ts'])).toEqual({ type: 'application/zip' });
    expect(zipType(['mimetype', 'META-INF/container.xml'])).toEqual({ refused: 'an EPUB book' });
  });
});
