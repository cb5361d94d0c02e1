import { describe, expect, it } from 'vitest';
import { promisedKind, sniff } from './sniff.js';

const latin = (text: string) => Buffer.from(text, 'latin1');

describe('sniff', () => {
  it.each([
    ['\xff\xd8\xff\xe0', 'image/jpeg'],
    ['\x89PNG\r\n\x1a\n', 'image/png'],
    ['RIFF\x10\0\0\0WEBPVP8 ', 'image/webp'],
    ['\0\0\0\x1cftypavif', 'image/avif'],
    ['<?xml version="1.0"?>\n<!-- drawn -->\n<svg width="1">', 'image/svg+xml'],
  ])('knows a picture by its first bytes: %j', (head, mimeType) => {
    expect(sniff(latin(head))).toEqual({ type: 'image', mimeType });
  });

  it('is not held up by what only begins like a drawing', () => {
    const started = performance.now();
    for (const part of ['<!---->', '<!DOCTYPE svg[]>', '<!DOCTYPE svg ', '<?xml ?>', ' '])
      expect(sniff(latin(part.repeat(64_000 / part.length)))).toMatchObject({ type: 'text' });
    expect(performance.now() - started).toBeLessThan(1000);
    const head = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" [<!ENTITY a "b">]>\n<!-- a > b -- c -->\n<svg>';
    expect(sniff(latin(head))).toMatchObject({ type: 'image' });
  });

  it('takes UTF-8 and UTF-16 for text, also when the sample ends inside a character', () => {
    const text = Buffer.from('Größe: 5 µm');
    expect(sniff(text)).toMatchObject({ type: 'text' });
    expect(sniff(text.subarray(0, 3))).toMatchObject({ type: 'text' });
    expect(sniff(Buffer.from('\ufeffhello', 'utf16le'))).toMatchObject({ type: 'text' });
  });

  it.each([
    ['%PDF-1.7\n%\xe2\xe3', 'application/pdf'],
    ['PK\x03\x04\x14\0', 'application/zip'],
    ['WEBVTT\n\n00:01.000 --> 00:02.000\nHello', 'text/vtt'],
    ['1\r\n00:00:01,000 --> 00:00:02,500\r\nHello', 'application/x-subrip'],
    ['<!-- saved -->\n<!DOCTYPE html><html>', 'text/html'],
  ])('knows a document by its first bytes: %j', (head, mimeType) => {
    expect(sniff(latin(head))).toEqual({ type: 'text', mimeType });
  });

  it('leaves bytes that are not text to ffprobe', () => {
    expect(sniff(latin('RIFF\x10\0\0\0WAVEfmt '))).toEqual({ type: 'av' });
    expect(sniff(latin('\xff\xfb\x90\x64\0'))).toEqual({ type: 'av' });
  });

  it.each(['#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n\0', 'ffconcat version 1.0\nfile x', '<MPD xmlns="x">'])(
    'refuses what would make a reader follow other files: %j',
    (head) => {
      expect(sniff(latin(head)).type).toBe('refused');
    },
  );
});

describe('promisedKind', () => {
  it('reads the extension', () => {
    expect([promisedKind('a.MP4'), promisedKind('b.flac'), promisedKind('c.png'), promisedKind('notes.txt')]).toEqual([
      'video',
      'audio',
      'image',
      undefined,
    ]);
  });
});
