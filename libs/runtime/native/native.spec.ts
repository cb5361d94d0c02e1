import { expect, test } from 'vitest';
import { openAddon } from './addon.js';
import { settleMalloc } from './malloc.js';

test('an addon that was not built is told of, for people', () => {
  expect(openAddon('none')).toEqual({ reason: 'there was no C compiler for Linux on x64 when this was built' });
});

test('malloc is left alone where the operator has set it', () => {
  expect(settleMalloc({ mallocIsSet: true })).toBe(false);
});
