import { describe, expect, it } from 'vitest';
import { hotwordBonus, wordsOfPrompt } from './hotwords.js';

describe('hotwordBonus', () => {
  it('raises beginnings a little and the next token of a begun word much', () => {
    const words = [[10, 11, 12], [20]];
    expect([...hotwordBonus(words, [])]).toEqual([
      [10, 1.5],
      [20, 1.5],
    ]);
    expect(hotwordBonus(words, [3, 10]).get(11)).toBe(4);
    expect(hotwordBonus(words, [10, 11]).get(12)).toBe(4);
    expect(hotwordBonus(words, [10, 3]).has(11)).toBe(false);
  });
});

describe('wordsOfPrompt', () => {
  it('takes names and long words, not the capital of a sentence', () => {
    expect(wordsOfPrompt('The speaker is Grace Hopper. She explains compilation in ComfyUI.')).toEqual([
      'Grace',
      'Hopper',
      'compilation',
      'ComfyUI',
    ]);
    expect(wordsOfPrompt('ComfyUI, Grace')).toEqual(['ComfyUI', 'Grace']);
  });
});
