export interface Outcome<T, R> {
  item: T;
  value?: R;
  error?: unknown;
}

/** Runs `work` on up to `window` items at once and yields the outcomes in the order of the items. */
export async function* inOrder<T, R>(
  items: T[],
  window: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<Outcome<T, R>> {
  const running: Promise<Outcome<T, R>>[] = [];
  let next = 0;
  const start = (item: T): Promise<Outcome<T, R>> =>
    work(item).then(
      (value) => ({ item, value }),
      (error: unknown) => ({ item, error }),
    );
  while (next < items.length || running.length > 0) {
    while (next < items.length && running.length < window) running.push(start(items[next++] as T));
    yield await (running.shift() as Promise<Outcome<T, R>>);
  }
}
