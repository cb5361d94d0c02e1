import { nextStateId, type Terminal } from './terminal.js';

export interface StringLimits {
  /** In code points, as JSON schema counts. */
  minLength: number;
  maxLength: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** What may follow a backslash. `\u` is left out: every character can be written as itself, and half a surrogate pair cannot. */
const ESCAPES = new Set([...'"\\/bfnrt'].map((c) => c.charCodeAt(0)));

/** First continuation byte allowed after each leading byte of UTF-8, and how many follow (RFC 3629). */
function utf8Lead(byte: number): { more: number; low: number; high: number } | undefined {
  if (byte >= 0xc2 && byte <= 0xdf) return { more: 1, low: 0x80, high: 0xbf };
  if (byte >= 0xe0 && byte <= 0xef)
    return { more: 2, low: byte === 0xe0 ? 0xa0 : 0x80, high: byte === 0xed ? 0x9f : 0xbf };
  if (byte >= 0xf0 && byte <= 0xf4)
    return { more: 3, low: byte === 0xf0 ? 0x90 : 0x80, high: byte === 0xf4 ? 0x8f : 0xbf };
  return undefined;
}

/** A JSON string with its quotes, in valid UTF-8. */
export function stringTerminal(limits: StringLimits): Terminal {
  return new Opening(new StringMachine(limits));
}

class StringMachine {
  readonly closed: Terminal = { id: nextStateId(), final: true, next: () => undefined };
  readonly #inside: Inside[] = [];

  constructor(readonly limits: StringLimits) {}

  /** After `length` characters. Without an upper limit, all lengths beyond the lower one are the same state. */
  inside(length: number): Inside {
    const { minLength, maxLength } = this.limits;
    const count = maxLength === Infinity ? Math.min(length, minLength) : length;
    return (this.#inside[count] ??= new Inside(this, count));
  }
}

class Opening implements Terminal {
  readonly id = nextStateId();
  readonly final = false;

  constructor(private readonly machine: StringMachine) {}

  next(byte: number): Terminal | undefined {
    return byte === QUOTE ? this.machine.inside(0) : undefined;
  }
}

class Inside implements Terminal {
  readonly id = nextStateId();
  readonly final = false;
  readonly plain: number;
  readonly #partial = new Map<number, Terminal>();

  constructor(
    private readonly machine: StringMachine,
    private readonly length: number,
  ) {
    this.plain = machine.limits.maxLength - length;
  }

  next(byte: number): Terminal | undefined {
    if (byte === QUOTE) return this.length >= this.machine.limits.minLength ? this.machine.closed : undefined;
    if (byte < 0x20 || this.plain <= 0) return undefined;
    if (byte !== BACKSLASH && byte < 0x80) return this.machine.inside(this.length + 1);
    let state = this.#partial.get(byte);
    if (state === undefined && (state = this.#start(byte))) this.#partial.set(byte, state);
    return state;
  }

  #start(byte: number): Terminal | undefined {
    const after = this.machine.inside(this.length + 1);
    if (byte === BACKSLASH)
      return { id: nextStateId(), final: false, next: (escaped) => (ESCAPES.has(escaped) ? after : undefined) };
    const lead = utf8Lead(byte);
    return lead && continuation(lead.more, lead.low, lead.high, after);
  }
}

function continuation(more: number, low: number, high: number, after: Terminal): Terminal {
  const then = more === 1 ? after : continuation(more - 1, 0x80, 0xbf, after);
  return { id: nextStateId(), final: false, next: (byte) => (byte >= low && byte <= high ? then : undefined) };
}

/** Number of characters when the bytes are whole characters that a JSON string may hold unescaped; otherwise -1. */
export function plainLength(bytes: Uint8Array): number {
  let state: Terminal | undefined = PLAIN;
  let characters = 0;
  for (const byte of bytes) {
    if (byte === QUOTE || byte === BACKSLASH || (state = state.next(byte)) === undefined) return -1;
    if (state === PLAIN) characters++;
  }
  return state === PLAIN ? characters : -1;
}
const PLAIN: Terminal = new StringMachine({ minLength: 0, maxLength: Infinity }).inside(0);
