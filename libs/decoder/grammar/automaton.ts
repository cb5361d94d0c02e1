import { TesseraError } from '#contracts';
import { type GrammarNode } from './grammar-node.js';
import { type Terminal } from './terminal.js';

/** What is still to be read after the current terminal, innermost first; shared and compared by identity. */
interface Stack {
  readonly id: number;
  readonly node: GrammarNode | undefined;
  readonly rest: Stack | undefined;
  readonly pushed: Map<GrammarNode, Stack>;
}

interface Reading {
  readonly terminal: Terminal;
  readonly rest: Stack;
}

/** A set of places in the grammar where the text so far may have led. */
export interface State {
  readonly readings: readonly Reading[];
  /** True when the text so far is complete. */
  readonly accepting: boolean;
  /** By byte; null for a byte that does not fit. */
  readonly next: (State | null | undefined)[];
}

/** Closing over a schema that refers only to itself would never end. */
const MAX_DEPTH = 256;
/** States kept for sharing; beyond it the table starts anew, and states in use live on. */
const MAX_STATES = 50_000;

/**
 * Runs a grammar over bytes: a pushdown automaton whose sets of readings are made into states as they are met, so
 * that a second visit costs one look-up. Shared by all sequences with the same schema.
 */
export class Automaton {
  readonly start: State;
  #states = new Map<string, State>();
  #stacks = 0;
  readonly #bottom = this.#stack(undefined, undefined);

  constructor(root: GrammarNode) {
    const readings = new Map<string, Reading>();
    const accepting = this.#close(this.#push(this.#bottom, root), readings, 0);
    this.start = this.#intern(readings, accepting);
  }

  /** The state after one more byte, or null when the text would leave the grammar. */
  step(state: State, byte: number): State | null {
    const known = state.next[byte];
    if (known !== undefined) return known;
    const readings = new Map<string, Reading>();
    let accepting = false;
    for (const { terminal, rest } of state.readings) {
      const after = terminal.next(byte);
      if (after !== undefined) accepting = this.#read(after, rest, readings, 0) || accepting;
    }
    const next = readings.size === 0 && !accepting ? null : this.#intern(readings, accepting);
    state.next[byte] = next;
    return next;
  }

  #read(terminal: Terminal, rest: Stack, readings: Map<string, Reading>, depth: number): boolean {
    const key = `${terminal.id}.${rest.id}`;
    if (readings.has(key)) return false;
    readings.set(key, { terminal, rest });
    return terminal.final && this.#close(rest, readings, depth + 1);
  }

  /** Adds every terminal that can begin at a stack. @returns true when the stack can be empty */
  #close(stack: Stack, readings: Map<string, Reading>, depth: number): boolean {
    const { node, rest } = stack;
    if (node === undefined || rest === undefined) return true;
    if (depth > MAX_DEPTH)
      throw new TesseraError('schema_not_supported', 'The JSON schema refers to itself without anything in between.', {
        param: 'json_schema',
      });
    switch (node.kind) {
      case 'terminal':
        return this.#read(node.start, rest, readings, depth);
      case 'lazy':
        return this.#close(this.#push(rest, node.resolve()), readings, depth + 1);
      case 'sequence':
        return this.#close(
          node.items.reduceRight((below, item) => this.#push(below, item), rest),
          readings,
          depth + 1,
        );
      case 'choice': {
        let empty = false;
        for (const option of node.options) empty = this.#close(this.#push(rest, option), readings, depth + 1) || empty;
        return empty;
      }
    }
  }

  #push(rest: Stack, node: GrammarNode): Stack {
    let stack = rest.pushed.get(node);
    if (stack === undefined) rest.pushed.set(node, (stack = this.#stack(node, rest)));
    return stack;
  }

  #stack(node: GrammarNode | undefined, rest: Stack | undefined): Stack {
    return { id: ++this.#stacks, node, rest, pushed: new Map() };
  }

  #intern(readings: Map<string, Reading>, accepting: boolean): State {
    const key = [...readings.keys()].sort().join(' ') + accepting;
    let state = this.#states.get(key);
    if (state === undefined) {
      if (this.#states.size >= MAX_STATES) this.#states = new Map();
      this.#states.set(key, (state = { readings: [...readings.values()], accepting, next: [] }));
    }
    return state;
  }
}
