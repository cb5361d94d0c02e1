import { ARRIVED, GENERATION, SLEEPERS, THREADS, TICKET } from '../layout';

/** Looks at a value so often before a thread lies down to sleep: some tens of microseconds. */
export const SPINS: i32 = 20000;

/** Seconds that a thread is waited for, counted one by one: a process that was stopped for a while has not waited. */
const PATIENCE_S: i32 = 20;

/** Waits until all threads are here. Whatever was written before is seen after it; the next piece of work is the first. */
export function barrier(): void {
  const generation = atomic.load<i32>(GENERATION);
  if (atomic.add<i32>(ARRIVED, 1) + 1 == load<i32>(THREADS)) {
    atomic.store<i32>(ARRIVED, 0);
    atomic.store<i32>(TICKET, 0);
    atomic.add<i32>(GENERATION, 1);
    if (atomic.load<i32>(SLEEPERS) != 0) atomic.notify(GENERATION, -1);
    return;
  }
  for (let i = 0; i < SPINS; i++) if (atomic.load<i32>(GENERATION) != generation) return;
  // Another thread was put aside by the system: this one leaves it the core. One that does not come back has died.
  atomic.add<i32>(SLEEPERS, 1);
  let left = PATIENCE_S;
  while (atomic.load<i32>(GENERATION) == generation)
    if (atomic.wait<i32>(GENERATION, generation, 1_000_000_000) == AtomicWaitResult.TIMED_OUT && left-- == 0) unreachable();
  atomic.sub<i32>(SLEEPERS, 1);
}

/** Number of the next piece of work that nobody has taken yet. */
// @ts-ignore: decorator
@inline
export function take(): i32 {
  return atomic.add<i32>(TICKET, 1);
}
