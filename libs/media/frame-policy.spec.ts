import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leavesNothingOut, longestKeyFrameGap, planFrames } from './frame-policy.js';

const limits = { maxFrames: 100 };

describe('planFrames', () => {
  it('looks for cuts and at least every 4 s', () => {
    expect(planFrames({}, { span: 30 }, limits)).toMatchObject({
      type: 'select',
      select: expect.stringContaining('gte(t-prev_selected_t,4)+gt(scene,0.02)'),
      spacing: 30 / limits.maxFrames,
      gap: 4,
    });
  });

  it('spreads the frames of a long video over all of it', () => {
    expect(planFrames({}, { span: 4000 }, limits)).toMatchObject({
      select: expect.stringContaining('gte(t-prev_selected_t,40)'),
    });
  });

  it('decodes key frames alone of a long film when they are dense enough, else what others refer to', () => {
    expect(planFrames({}, { span: 300, keyFrameGap: 2 }, limits)).toMatchObject({ skip: 'nokey' });
    expect(planFrames({}, { span: 300, keyFrameGap: 10 }, limits)).toMatchObject({ skip: 'noref' });
    expect(planFrames({}, { span: 300 }, limits)).toMatchObject({ skip: 'noref' });
    expect(planFrames({}, { span: 20, keyFrameGap: 2 }, limits)).not.toHaveProperty('skip');
    expect(planFrames({ fps: 0.1 }, { span: 300, keyFrameGap: 2 }, limits)).not.toHaveProperty('skip');
  });

  it('seeks the middles of equal parts when they are far apart, and filters when they are near', () => {
    expect(planFrames({ numFrames: 3 }, { span: 60 }, limits)).toEqual({ type: 'seek', times: [10, 30, 50] });
    expect(planFrames({ numFrames: 3 }, { span: 6 }, limits)).toMatchObject({
      type: 'select',
      select: 'gte(t,(selected_n+0.5)*2)',
      count: 3,
    });
  });

  it('refuses more frames than the limit, and two ways at once', () => {
    expect(() => planFrames({ fps: 30 }, { span: 60 }, limits)).toThrow(/1801 frames; the limit is 100/);
    expect(() => planFrames({ numFrames: 101 }, { span: 60 }, limits)).toThrow(/limit/);
    expect(() => planFrames({ fps: 1, numFrames: 3 }, { span: 60 }, limits)).toThrow(/not both/);
  });

  it('never asks for a time outside the range', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.double({ min: 0.1, max: 1e5, noNaN: true }),
        (numFrames, span) => {
          const plan = planFrames({ numFrames }, { span }, limits);
          if (plan.type === 'seek') expect(plan.times.every((time) => time > 0 && time < span)).toBe(true);
        },
      ),
    );
  });
});

describe('leavesNothingOut', () => {
  it('is so where frames are chosen by scene, and as many as there are', () => {
    expect(leavesNothingOut({}, 100, limits)).toBe(true);
    expect(leavesNothingOut({}, 101, limits)).toBe(false);
    expect(leavesNothingOut({}, undefined, limits)).toBe(false);
    expect(leavesNothingOut({ fps: 1 }, 10, limits)).toBe(false);
    expect(leavesNothingOut({ numFrames: 5 }, 10, limits)).toBe(false);
  });
});

describe('longestKeyFrameGap', () => {
  it('reads the packets of ffprobe, in any order', () => {
    expect(longestKeyFrameGap('0.000000,K__\n0.04,___\n2.0,K__\n9.0,K__\n5.0,K__\nN/A,K__\n')).toBe(4);
    expect(longestKeyFrameGap('0.0,K__\n')).toBeUndefined();
    expect(longestKeyFrameGap('0.0,K__\n59.9,___\n')).toBeUndefined();
  });

  it('counts what follows the last key frame', () => {
    expect(longestKeyFrameGap('0.0,K__\n2.0,K__\n3.0,K__\n3.04,___\n59.0,___\n58.0,___\n')).toBe(56);
  });
});
