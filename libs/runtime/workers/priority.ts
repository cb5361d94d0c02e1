import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';

/**
 * Niceness of what computes (models, ffmpeg): a third of the share of a thread that answers, where both want the same core. More would
 * starve the work on a machine that is busy with other programs too.
 */
export const COMPUTING = 5;

/**
 * The calling thread, and every thread that it starts from now on, gives way to the others of this process. On Linux, where niceness
 * belongs to threads; elsewhere it does nothing.
 */
export function giveWay(): void {
  if (process.platform !== 'linux') return;
  try {
    // PID/task/TID
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    setPriority(thread, COMPUTING);
  } catch {
    // A sandbox may forbid it, and nothing but the order of waiting depends on it.
  }
}
