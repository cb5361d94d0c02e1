import { expect, test } from 'vitest';
import { TesseraError, type Transcript } from '#contracts';
import { merge, unlessSilent } from './hear.js';

test('sound that ends before the range is none; other errors are told', async () => {
  expect(await unlessSilent(Promise.resolve(7))).toBe(7);
  expect(await unlessSilent(Promise.reject(new TesseraError('no_audio_samples', 'None.')))).toBeUndefined();
  await expect(unlessSilent(Promise.reject(new TesseraError('corrupt_media', 'Bad.')))).rejects.toMatchObject({
    code: 'corrupt_media',
  });
});

test('channels are told in the order of time, in the language of the one that spoke most', () => {
  const channel = (number: number, language: string, ...times: [number, number][]): Transcript => ({
    ...{ language, duration: 10, text: '', warnings: [] },
    segments: times.map(([start, end]) => ({ start, end, text: `${start}`, channel: number })),
  });
  const merged = merge([channel(0, 'en', [4, 5]), channel(1, 'de', [1, 2], [6, 8])]);
  expect(merged).toMatchObject({ language: 'de', text: '1 4 6' });
  expect(merge([channel(0, 'fr'), channel(1, 'de')]).language).toBe('fr');
});
