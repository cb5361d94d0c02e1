#define _GNU_SOURCE
#include "kernel.h"
#include <immintrin.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

// The first thread leads: it alone goes from phase to phase, and waits for the pieces that others have drawn, not for the others. A helper that the
// system has put aside costs nothing but its help.

/** Looks at a value so often before a thread lies down to sleep: some tens of microseconds. */
#define SPINS 4000
/** Looks before a waiting thread leaves its core to whoever is needed. */
#define YIELDS 2000

// A ticket: the phase's number, how many pieces it has, the next one.
#define PIECE_BITS 20
#define MOST_PIECES ((1u << PIECE_BITS) - 1)

static uint64_t phase_of(uint64_t ticket) { return ticket >> PIECE_BITS; }

static int piece_of(uint64_t ticket) {
  uint32_t piece = ticket & MOST_PIECES;
  return piece < (phase_of(ticket) & MOST_PIECES) ? (int)piece : -1;
}

static void futex(_Atomic uint32_t *at, int operation, uint32_t value) {
  syscall(SYS_futex, at, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static void work_on(Crew *crew, int piece) {
  crew->work(crew->context, piece);
  atomic_fetch_add_explicit(&crew->done, 1, memory_order_release);
}

/** Waits for another phase than that of `ticket`; returns whether there will be one. */
static int rest(Crew *crew, uint64_t ticket) {
  for (int i = 0; i < SPINS; i++) {
    if (phase_of(atomic_load_explicit(&crew->ticket, memory_order_acquire)) != phase_of(ticket)) return 1;
    _mm_pause();
  }
  atomic_fetch_add(&crew->sleepers, 1);
  for (;;) {
    uint32_t epoch = atomic_load(&crew->epoch);
    if (atomic_load(&crew->stop)) return 0;
    if (phase_of(atomic_load(&crew->ticket)) != phase_of(ticket)) break;
    futex(&crew->epoch, FUTEX_WAIT, epoch);
  }
  atomic_fetch_sub(&crew->sleepers, 1);
  return 1;
}

unsigned flush_denormals(void) {
  unsigned before = _mm_getcsr();
  _mm_setcsr(before | _MM_FLUSH_ZERO_ON | _MM_DENORMALS_ZERO_ON);
  return before;
}

void restore_denormals(unsigned before) { _mm_setcsr(before); }

static void *help(void *argument) {
  Crew *crew = argument;
  flush_denormals();
  for (;;) {
    uint64_t ticket = atomic_fetch_add_explicit(&crew->ticket, 1, memory_order_acq_rel);
    int piece = piece_of(ticket);
    if (piece >= 0) work_on(crew, piece);
    else if (!rest(crew, ticket)) return NULL;
  }
}

int crew_start(Crew *crew, int threads) {
  pthread_t *handles = calloc(threads, sizeof *handles);
  if (!handles) return 0;
  crew->handles = handles;
  crew->threads = 1;
  for (int i = 1; i < threads; i++) {
    if (pthread_create(&handles[i], NULL, help, crew) != 0) return 0;
    crew->threads = i + 1;
  }
  return 1;
}

void crew_end(Crew *crew) {
  pthread_t *handles = crew->handles;
  atomic_store(&crew->stop, 1);
  atomic_fetch_add(&crew->epoch, 1);
  futex(&crew->epoch, FUTEX_WAKE, INT_MAX);
  for (int i = 1; i < crew->threads; i++) pthread_join(handles[i], NULL);
  free(handles);
}

void share(Crew *crew, void (*work)(void *, int), void *context, int pieces) {
  if (pieces == 1 || crew->threads == 1) {
    for (int piece = 0; piece < pieces; piece++) work(context, piece);
    return;
  }
  uint64_t number = (atomic_load_explicit(&crew->ticket, memory_order_relaxed) >> (2 * PIECE_BITS)) + 1;
  crew->work = work;
  crew->context = context;
  atomic_store_explicit(&crew->done, 0, memory_order_relaxed);
  atomic_store(&crew->ticket, ((number << PIECE_BITS) | (uint64_t)pieces) << PIECE_BITS);
  if (atomic_load(&crew->sleepers)) {
    atomic_fetch_add(&crew->epoch, 1);
    futex(&crew->epoch, FUTEX_WAKE, INT_MAX);
  }
  for (;;) {
    int piece = piece_of(atomic_fetch_add_explicit(&crew->ticket, 1, memory_order_acq_rel));
    if (piece < 0) break;
    work_on(crew, piece);
  }
  for (int i = 0; atomic_load_explicit(&crew->done, memory_order_acquire) != (uint32_t)pieces; i++)
    if (i < YIELDS) _mm_pause();
    else sched_yield(); // Somebody was put aside in the middle of a piece.
}

/** Eighths of the work that are the long pieces. */
#define LONG_EIGHTHS 6

static int long_of(int threads, int work) { return work * LONG_EIGHTHS / 8 / threads; }

int pieces_of(int threads, int work, int shortest) {
  return threads + (work - threads * long_of(threads, work) + shortest - 1) / shortest;
}

int start_of(int threads, int piece, int work, int shortest) {
  int length = long_of(threads, work);
  if (piece <= threads) return piece * length;
  int start = threads * length + (piece - threads) * shortest;
  return start < work ? start : work;
}
