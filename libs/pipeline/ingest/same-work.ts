/** Work that several want at the same moment is done once for all of them. */
export class SameWork<T> {
  private readonly running = new Map<string, Promise<T>>();

  /**
   * What `work` gives, or what the same work that is already being done gives. Where that fails, perhaps because whoever began it was
   * cancelled, it is done anew.
   * @param signal ends the waiting for another's work
   */
  async once(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    for (let other = this.running.get(key); other; other = this.running.get(key)) {
      const found = await before(signal, other).catch(() => undefined);
      signal.throwIfAborted();
      if (found !== undefined) return found;
    }
    const own = work().finally(() => this.running.delete(key));
    this.running.set(key, own);
    return own;
  }
}

/** Rejects as soon as the signal says so, and lets go of the signal when it is over. */
async function before<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let stop = (): void => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    signal.throwIfAborted();
    return await Promise.race([work, stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
