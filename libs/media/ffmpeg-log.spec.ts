import { describe, expect, it } from 'vitest';
import { redact, StderrTail } from './ffmpeg-log.js';

describe('StderrTail', () => {
  it('keeps the last 25 KB and gives the last line as the reason', () => {
    const tail = new StderrTail();
    for (let i = 0; i < 1000; i++) tail.append(`line ${i} ${'x'.repeat(100)}`);
    tail.append('[mov @ 0x7f00] file:/home/ann/x.mp4: moov atom not found');
    expect(tail.toString().length).toBe(25 * 1024);
    expect(tail.reason()).toBe('[mov] … moov atom not found');
  });
});

describe('redact', () => {
  it('hides folders, credentials and queries', () => {
    expect(redact(['-i', 'file:/home/ann/secret/x.mp4', 'http://u:p@host/x?token=1'])).toBe(
      '-i …/x.mp4 http://host/x?…',
    );
  });
});
