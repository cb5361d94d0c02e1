import { expect, test } from 'vitest';
import { TesseraError } from '#contracts';
import { unlessSilent } from './hear.js';

test('sound that ends before the range is none; other errors are told', async () => {
  expect(await unlessSilent(Promise.resolve(7))).toBe(7);
  expect(await unlessSilent(Promise.reject(new TesseraError('no_audio_samples', 'None.')))).toBeUndefined();
  await expect(unlessSilent(Promise.reject(new TesseraError('corrupt_media', 'Bad.')))).rejects.toMatchObject({
    code: 'corrupt_media',
  });
});
