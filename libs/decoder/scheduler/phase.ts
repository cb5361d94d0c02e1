/**
 * Where a sequence stands:
 *
 *   waiting ─admit─► prefill ─prefilled─► decode ─finish─► done
 *      ▲                │                    │
 *      └────preempt─────┴────────────────────┘          cancel or fail: any ─► done
 */
export type Phase = 'waiting' | 'prefill' | 'decode' | 'done';
export type PhaseEvent = 'admit' | 'prefilled' | 'preempt' | 'finish' | 'cancel' | 'fail';

const TRANSITIONS: Record<Phase, Partial<Record<PhaseEvent, Phase>>> = {
  waiting: { admit: 'prefill', cancel: 'done', fail: 'done' },
  prefill: { prefilled: 'decode', preempt: 'waiting', cancel: 'done', fail: 'done' },
  decode: { finish: 'done', preempt: 'waiting', cancel: 'done', fail: 'done' },
  done: {},
};

/** The phase after an event. @throws when the event cannot happen in this phase: a fault of the program, not the request */
export function nextPhase(phase: Phase, event: PhaseEvent): Phase {
  const next = TRANSITIONS[phase][event];
  if (next === undefined) throw new Error(`a sequence cannot ${event} while it is ${phase}`);
  return next;
}
