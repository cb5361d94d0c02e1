import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { JobTree } from '#contracts';
import { checkTree } from './flow.js';
import { guessKind, sniff } from './sniff.js';
import { answerTree, askTree, composeTree, describeTree, transcribeTree } from './trees.js';

const source = (name: string) => ({ type: 'file' as const, path: `/m/${name}`, name });
const shape = (tree: JobTree): unknown =>
  tree.children?.length ? { [tree.name]: tree.children.map(shape) } : tree.name;

describe('trees', () => {
  test('describe: answer ← compose ← see ← ingest', () => {
    const tree = checkTree(describeTree(source('a.png'), { instruction: 'In one word.' }));
    expect(shape(tree)).toEqual({ answer: [{ 'media.compose': [{ 'media.see': ['media.ingest'] }] }] });
    expect(tree.payload).toMatchObject({ task: { type: 'describe', instruction: 'In one word.' }, inputs: ['a.png'] });
    expect(tree.payload).not.toHaveProperty('detail');
    expect(describeTree(source('a.png'), { detail: 'high' }).payload).toMatchObject({ detail: 'high' });
  });

  test('transcribe: hear ← ingest', () => {
    const tree = checkTree(transcribeTree(source('a.wav'), { words: true }));
    expect(shape(tree)).toEqual({ 'media.hear': ['media.ingest'] });
    expect(tree.payload).toMatchObject({ options: { words: true }, optional: false });
  });

  test('ask: each medium gets what its kind needs, in the order given', () => {
    const kinds = ['image', 'audio', 'video', 'text', 'unknown'] as const;
    const inputs = kinds.map((kind) => ({ source: source(kind), kind }));
    const tree = checkTree(answerTree({ type: 'ask', question: 'Who?' }, inputs, { selectedTokens: 1024 }));
    const looks = { 'media.see': ['media.ingest'] };
    const hears = { 'media.hear': ['media.ingest'] };
    expect(shape(tree)).toEqual({
      answer: [
        { 'media.compose': [looks] },
        { 'media.compose': [hears] },
        { 'media.compose': [looks, hears] },
        { 'media.compose': ['media.ingest'] },
        { 'media.compose': [looks, hears] },
      ],
    });
    expect(tree.payload).toMatchObject({ inputs: [...kinds], selectedTokens: 1024, sampling: { temperature: 0 } });
    const hear = (n: number, at: number) =>
      (tree.children?.[n]?.children?.[at]?.payload as { optional: boolean }).optional;
    expect([hear(1, 0), hear(2, 1), hear(4, 1)]).toEqual([false, true, true]);
    // The writing on a film that is only described is not wanted.
    const see = (node: JobTree | undefined) => node?.children?.[0]?.payload;
    expect(tree.children?.map((each) => (see(each) as { read?: boolean }).read)).toEqual([undefined, undefined, true, undefined, true]); // prettier-ignore
    expect(see(describeTree(source('a.mp4')).children?.[0])).toEqual({ options: {} });
  });

  test('files are looked into, whatever their names say', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tessera-trees-'));
    const path = join(folder, 'song.mp3');
    writeFileSync(path, '\x89PNG\r\n\x1a\n', 'latin1');
    const tree = await composeTree({ type: 'file', path, name: 'song.mp3' });
    rmSync(folder, { recursive: true });
    expect(shape(tree)).toEqual({ 'media.compose': [{ 'media.see': ['media.ingest'] }] });
    const asked = await askTree('Who?', [{ type: 'url', url: 'https://example.com/a.wav', name: 'a' }]);
    expect(shape(asked)).toEqual({ answer: [{ 'media.compose': [{ 'media.hear': ['media.ingest'] }] }] });
  });

  test('a chat without media is a single job', () => {
    const messages = [{ role: 'user' as const, content: 'Hello' }];
    expect(shape(checkTree(answerTree({ type: 'chat', messages }, [])))).toBe('answer');
  });
});

describe('sniff', () => {
  const at = (offset: number, text: string, before = '') => Buffer.from(before.padEnd(offset, '\0') + text, 'latin1');
  test.each([
    ['\xff\xd8\xff\xe0', 'image', 'image/jpeg'],
    ['\x89PNG\r\n\x1a\n', 'image', 'image/png'],
    ['RIFF\x10\0\0\0WEBP', 'image', 'image/webp'],
    ['RIFF\x10\0\0\0WAVEfmt ', 'audio', 'audio/wav'],
    ['RIFF\x10\0\0\0AVI LIST', 'video', 'video/x-msvideo'],
    ['\0\0\0\x20ftypisom', 'video', 'video/mp4'],
    ['\0\0\0\x20ftypM4A ', 'audio', 'audio/mp4'],
    ['\0\0\0\x20ftypavif', 'image', 'image/avif'],
    ['\0\0\0\x14ftypqt  ', 'video', 'video/quicktime'],
    ['fLaC\0', 'audio', 'audio/flac'],
    ['ID3\x04', 'audio', 'audio/mpeg'],
    ['\xff\xfb\x90\x44', 'audio', 'audio/mpeg'],
    ['Hello, world\n', 'text', 'text/plain'],
    ['\xff\xfeH\0i\0\n\0', 'text', 'text/plain'],
    ['\xfe\xff\0H\0i\0\n', 'text', 'text/plain'],
    ['\xff\xfe\x01\0\x02\0', 'audio', 'audio/mpeg'],
    ['<svg xmlns="http://www.w3.org/2000/svg">', 'image', 'image/svg+xml'],
    [
      '\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<!-- Made by hand, with love and a name that is long -->\n<svg ',
      'image',
      'image/svg+xml',
    ],
    ['<?xml version="1.0"?>\n<notes><svg/></notes>', 'text', 'text/plain'],
    ['\0\x01\x02\x03', 'unknown', 'application/octet-stream'],
    ['', 'unknown', 'application/octet-stream'],
  ])('%j', (head, kind, mimeType) => expect(sniff(Buffer.from(head, 'latin1'))).toEqual({ kind, mimeType }));

  test('what only begins like a drawing takes no time', () => {
    const started = performance.now();
    expect(sniff(Buffer.from('<!---->'.repeat(140))).kind).toBe('text');
    expect(performance.now() - started).toBeLessThan(500);
  });

  test('containers are told apart by what is inside', () => {
    expect(sniff(at(28, 'OpusHead', 'OggS')).mimeType).toBe('audio/ogg');
    expect(sniff(at(28, '\x80theora', 'OggS')).mimeType).toBe('video/ogg');
    expect(sniff(at(24, 'webm', '\x1a\x45\xdf\xa3')).mimeType).toBe('video/webm');
    expect(sniff(at(24, 'matroska', '\x1a\x45\xdf\xa3')).mimeType).toBe('video/x-matroska');
  });

  test('URLs are guessed by their path', () => {
    expect(guessKind('https://example.com/a/Photo.JPG?size=large.mp3')).toBe('image');
    expect(guessKind('talk.opus')).toBe('audio');
    expect(guessKind('https://example.com/watch')).toBe('unknown');
  });
});
