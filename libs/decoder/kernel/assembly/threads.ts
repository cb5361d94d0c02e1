import { DONE, SLEEPERS, STOP, TICKET, TICKET_BITS, WAITING } from '../layout';

// The first thread leads: it alone goes from phase to phase, and waits for the pieces of work that others have taken, not for the others. A
// helper that the system has put aside costs nothing but its help.

/** Looks at a value so often before a thread lies down to sleep: some tens of microseconds. */
const SPINS: i32 = 20000;
/** Seconds that a piece is waited for, counted one by one: a process that was stopped for a while has not waited. */
const PATIENCE_S: i32 = 20;
const MOST_PIECES: i32 = (1 << TICKET_BITS) - 1;

/** The phase of a ticket, with its number of pieces. */
// @ts-ignore: decorator
@inline
function phaseOf(ticket: i32): i32 {
  return ticket >> TICKET_BITS;
}

/** Opens the next phase, whose pieces are drawn by tickets; some are drawn in vain. */
export function publish(pieces: i32): void {
  const number = (load<i32>(TICKET) >> (2 * TICKET_BITS)) + 1;
  atomic.store<i32>(DONE, 0);
  atomic.store<i32>(TICKET, ((number << TICKET_BITS) | pieces) << TICKET_BITS);
  if (atomic.load<i32>(SLEEPERS) != 0) atomic.notify(TICKET, -1);
}

/** Draws a ticket of the phase that runs. */
// @ts-ignore: decorator
@inline
export function draw(): i32 {
  return atomic.add<i32>(TICKET, 1);
}

/** The piece of work that a ticket stands for, or -1 when all were taken. */
// @ts-ignore: decorator
@inline
export function pieceOf(ticket: i32): i32 {
  const piece = ticket & MOST_PIECES;
  return piece < (phaseOf(ticket) & MOST_PIECES) ? piece : -1;
}

/** A piece is done. */
// @ts-ignore: decorator
@inline
export function finish(): void {
  atomic.add<i32>(DONE, 1);
  if (atomic.load<i32>(WAITING) != 0) atomic.notify(DONE, 1);
}

/** Waits until all pieces of the phase are done; what was written in them is seen afterwards. */
export function settle(pieces: i32): void {
  for (let i = 0; i < SPINS; i++) if (atomic.load<i32>(DONE) == pieces) return;
  // Somebody was put aside in the middle of a piece: this thread leaves it the core. One that does not come back has died.
  atomic.store<i32>(WAITING, 1);
  let left = PATIENCE_S;
  for (let done = atomic.load<i32>(DONE); done != pieces; done = atomic.load<i32>(DONE))
    if (atomic.wait<i32>(DONE, done, 1_000_000_000) == AtomicWaitResult.TIMED_OUT && left-- == 0) unreachable();
  atomic.store<i32>(WAITING, 0);
}

/** For a helper whose ticket was drawn in vain: waits for another phase. @returns whether there will be one */
export function rest(drawn: i32): bool {
  const phase = phaseOf(drawn);
  for (let i = 0; i < SPINS; i++) if (phaseOf(atomic.load<i32>(TICKET)) != phase) return true;
  atomic.add<i32>(SLEEPERS, 1);
  for (let ticket = atomic.load<i32>(TICKET); phaseOf(ticket) == phase; ticket = atomic.load<i32>(TICKET)) {
    if (atomic.load<i32>(STOP) != 0) return false;
    atomic.wait<i32>(TICKET, ticket, 1_000_000_000);
  }
  atomic.sub<i32>(SLEEPERS, 1);
  return true;
}

/** Ends the helpers. */
export function end(): void {
  atomic.store<i32>(STOP, 1);
  atomic.notify(TICKET, -1);
}
