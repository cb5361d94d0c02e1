import type { Tessera } from '#pipeline';
import type { Progress } from './progress.js';

/** Shows how far a job is while `work` waits for it. Progress is a courtesy: the result reports what went wrong. */
export async function follow<T>(
  tessera: Tessera,
  id: string,
  label: string,
  progress: Progress,
  work: () => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const show = async (): Promise<void> => {
    for await (const { event } of tessera.jobs.events(id, { signal: stop.signal })) {
      if (event.type === 'progress') progress.update(label, event.percent / 100, event.stage);
    }
  };
  void show().catch(() => undefined);
  try {
    return await work();
  } finally {
    stop.abort();
  }
}
