import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DEFAULT_DOCUMENT_LIMITS } from './block.js';
import { unzip } from './archive.js';
import { filesIn, holdsSource, packFolder } from './folder.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'tessera-folder-'))));
afterEach(() => rmSync(folder, { recursive: true }));

function write(file: string, text = 'x'): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}

test('files are found in their order, without what is hidden, linked, or written by tools', async () => {
  for (const file of ['b/two.ts', 'a.md', 'b/one.ts', '.git/HEAD', '.env', 'node_modules/m/index.js', 'b/dist/out.js'])
    write(file);
  symlinkSync('/etc', join(folder, 'link'));
  symlinkSync('/etc/hostname', join(folder, 'host.txt'));
  expect(await filesIn(folder)).toEqual(['a.md', 'b/one.ts', 'b/two.ts']);
  await expect(filesIn(folder, { ...DEFAULT_DOCUMENT_LIMITS, maxEntries: 2 })).rejects.toMatchObject({
    code: 'file_too_large',
  });
});

test('source code makes a folder one of source code; photographs with a table do not', () => {
  expect(holdsSource(['src/main.rs', 'logo.png'])).toBe(true);
  expect(holdsSource(['Makefile'])).toBe(true);
  expect(holdsSource(['a.jpg', 'times.csv', 'notes.txt', 'album.json'])).toBe(false);
});

test('equal files make one archive, whenever they were written; what is no text stays out', async () => {
  write('src/a.py', 'print(1)\n');
  write('logo.png');
  write('package-lock.json', '{}');
  const files = await filesIn(folder);
  const first = await packFolder(folder, files);
  utimesSync(join(folder, 'src/a.py'), 1, 1);
  expect(Buffer.compare(Buffer.from(await packFolder(folder, files)), Buffer.from(first))).toBe(0);
  expect([...unzip(first, () => true, DEFAULT_DOCUMENT_LIMITS).keys()]).toEqual(['src/a.py']);
  await expect(packFolder(folder, ['logo.png'])).rejects.toMatchObject({ code: 'unsupported_media' });
  await expect(packFolder(folder, files, { ...DEFAULT_DOCUMENT_LIMITS, maxUnpackedBytes: 3 })).rejects.toMatchObject({
    code: 'file_too_large',
  });
});
