import { describe, expect, it } from 'vitest';
import { audioPlan, framesPlan, showinfoTime } from './ffmpeg-plan.js';

describe('audioPlan', () => {
  it('guards the input against following other files and reading the terminal', () => {
    const { input, inputOptions } = audioPlan({ file: 'concat:a|b', sampleRate: 16000 });
    expect(input).toMatch(/^file:\/.*concat:a\|b$/);
    expect(inputOptions).toContain('-nostdin');
    expect(inputOptions.join(' ')).toContain('-protocol_whitelist file,pipe');
    const demuxers = inputOptions[inputOptions.indexOf('-format_whitelist') + 1]!.split(',');
    expect(demuxers).not.toContain('hls');
    expect(demuxers).not.toContain('concat');
    expect(inputOptions.join(' ')).toMatch(/-max_alloc \d+/);
  });

  it('takes one channel of one track of a range', () => {
    const plan = audioPlan({ file: 'a.mkv', sampleRate: 16000, track: 2, channel: 1, start: 10, end: 12.5 });
    expect(plan.inputOptions.join(' ')).toContain('-ss 10.000000 -t 2.500000');
    expect(plan.outputOptions.join(' ')).toContain('-map 0:2');
    expect(plan.outputOptions.join(' ')).toContain('pan=mono|c0=c1,aresample=16000');
  });
});

describe('framesPlan', () => {
  it('scales what it selected', () => {
    const { outputOptions } = framesPlan({
      file: 'a.mp4',
      width: 256,
      height: 256,
      select: 'gt(scene,0.3)',
      maxPixels: 1e8,
      threads: 2,
    });
    const filter = outputOptions[outputOptions.indexOf('-vf') + 1]!;
    expect(filter.indexOf("select='gt(scene,0.3)'")).toBe(0);
    expect(filter.indexOf('scale=256:256')).toBeGreaterThan(0);
  });
});

describe('showinfoTime', () => {
  it('finds the presentation time of a frame line and of no other', () => {
    expect(
      showinfoTime('[Parsed_showinfo_3 @ 0x55d] n:   4 pts:  51200 pts_time:4.0625  pos: 100 fmt:rgb24 sar:1/1'),
    ).toBe(4.0625);
    expect(showinfoTime('[Parsed_showinfo_3 @ 0x55d] config in time_base: 1/12800, frame_rate: 25/1')).toBeUndefined();
    expect(showinfoTime('frame=   10 fps=0.0')).toBeUndefined();
  });
});
