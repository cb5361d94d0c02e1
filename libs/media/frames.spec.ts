import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeFrames } from './frames.js';
import { probe } from './probe.js';

const folder = mkdtempSync(path.join(tmpdir(), 'tessera-frames-'));
const slides = path.join(folder, 'slides.mkv');
const live = path.join(folder, 'live.webm');
const ffmpeg = (...args: string[]): void => void execFileSync('ffmpeg', ['-loglevel', 'error', '-y', ...args]);

beforeAll(() => {
  // A frame every 10 s, each of another brightness.
  ffmpeg(
    '-f',
    'lavfi',
    '-i',
    'color=black:s=64x64:r=0.1:d=40,geq=lum=40+50*N:cb=128:cr=128',
    '-c:v',
    'libx264',
    slides,
  );
  ffmpeg('-f', 'lavfi', '-i', 'testsrc=s=64x64:r=10:d=3', '-c:v', 'libvpx', '-live', '1', '-f', 'webm', live);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function seen(range: { start?: number; end?: number }): Promise<[t: number, brightness: number][]> {
  const frames: [number, number][] = [];
  for await (const { t, rgb } of decodeFrames(slides, { facts: await probe(slides), size: 32, ...range }))
    frames.push([t, Math.round(rgb[0]! / 58)]);
  return frames;
}

test('a range that is entered between two frames begins with the one on the screen', async () => {
  const whole = await seen({});
  expect(whole.map(([t]) => t)).toEqual([0, 10, 20, 30]);
  const looks = new Map(whole);
  expect(await seen({ start: 15 })).toEqual([
    [15, looks.get(10)],
    [20, looks.get(20)],
    [30, looks.get(30)],
  ]);
  expect(await seen({ start: 15, end: 18 })).toEqual([[15, looks.get(10)]]);
  expect(await seen({ start: 20, end: 28 })).toEqual([[20, looks.get(20)]]);
});

test('a film that does not say how long it is, as browsers record, is measured', async () => {
  expect((await probe(live)).duration).toBeCloseTo(3, 1);
});
