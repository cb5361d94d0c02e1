/**
 * A state of a small byte-level machine that recognises one lexical thing: a literal, a string, a number.
 * States are immutable; equal states of one machine are the same object where that is cheap, so that their masks can
 * be cached.
 */
export interface Terminal {
  /** Unique among all states. */
  readonly id: number;
  /** True when what was read so far is complete (it may still go on). */
  readonly final: boolean;
  /** The state after one more byte, or undefined when the byte does not fit. */
  next(byte: number): Terminal | undefined;
  /** Inside a JSON string, between two characters: how many characters may still follow. */
  readonly plain?: number;
}

let states = 0;
export const nextStateId = (): number => ++states;

const encoder = new TextEncoder();

/** One of several texts, as a trie. A text may be the beginning of another. */
export function literal(...texts: string[]): Terminal {
  const root = new LiteralState();
  for (const text of texts) {
    let at = root;
    for (const byte of encoder.encode(text)) {
      let next = at.children.get(byte);
      if (next === undefined) at.children.set(byte, (next = new LiteralState()));
      at = next;
    }
    at.final = true;
  }
  return root;
}

class LiteralState implements Terminal {
  readonly id = nextStateId();
  readonly children = new Map<number, LiteralState>();
  final = false;

  next(byte: number): Terminal | undefined {
    return this.children.get(byte);
  }
}
