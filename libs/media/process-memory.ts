import { readFile } from 'node:fs/promises';

const LOOK_MS = 200;

/**
 * Calls `over` once when a process holds more than `bytes` in RAM, as the kernel counts it; stop it by what is returned. Where there is no
 * /proc nothing is watched: sizes are bounded before decoding there too, and a decoder's single allocations by `-max_alloc`.
 */
export function watchMemory(pid: number | undefined, bytes: number, over: () => void): () => void {
  if (process.platform !== 'linux' || pid === undefined) return () => undefined;
  const look = async (): Promise<void> => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    const kilobytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
    if (kilobytes * 1024 <= bytes) return;
    clearInterval(timer);
    over();
  };
  const timer = setInterval(() => void look(), LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
