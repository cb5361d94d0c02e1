import { mkdir, rm, stat, utimes } from 'node:fs/promises';
import { TesseraError } from '#contracts';

const POLL_MS = 100;
const BEAT_MS = 1000;
/** A lock whose holder has not touched it for this long is dead. */
const STALE_MS = 10_000;

/** Runs `work` while no other process or call holds the same lock: a folder, since making one is atomic everywhere. */
export async function withLock<T>(path: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  while (!(await take(path))) {
    if (signal?.aborted) throw new TesseraError('cancelled', 'The work was cancelled.', { cause: signal.reason });
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
  const beat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(path, { recursive: true, force: true });
  }
}

async function take(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const touched = (await stat(path).catch(() => undefined))?.mtimeMs;
    if (touched !== undefined && Date.now() - touched > STALE_MS) await rm(path, { recursive: true, force: true });
    return false;
  }
}
