import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sourceOf } from './inputs.js';

describe('sourceOf', () => {
  it('takes files by path and URLs by scheme', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tessera-inputs-'));
    const file = join(folder, 'a.jpg');
    await writeFile(file, 'x');
    expect(await sourceOf(file)).toEqual({ type: 'file', path: file, name: file });
    expect(await sourceOf('https://example.org/a.jpg')).toEqual({
      type: 'url',
      url: 'https://example.org/a.jpg',
      name: 'https://example.org/a.jpg',
    });
    await expect(sourceOf(join(folder, 'none.jpg'))).rejects.toMatchObject({ code: 'file_not_found' });
    await expect(sourceOf(folder)).rejects.toMatchObject({ code: 'unsupported_media' });
    await expect(sourceOf('https://')).rejects.toMatchObject({ code: 'url_not_allowed' });
    await rm(folder, { recursive: true });
  });
});
