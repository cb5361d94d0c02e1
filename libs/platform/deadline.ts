import { setTimeout as sleep } from 'node:timers/promises';

/** What `work` gives, or `otherwise` when that takes longer than `ms`: the work goes on, and what becomes of it is nobody's concern. */
export async function orAfter<T>(ms: number, work: Promise<T>, otherwise: T): Promise<T> {
  const ended = new AbortController();
  const late = sleep(ms, otherwise, { signal: ended.signal }).catch(() => otherwise);
  try {
    return await Promise.race([work, late]);
  } finally {
    ended.abort();
  }
}
