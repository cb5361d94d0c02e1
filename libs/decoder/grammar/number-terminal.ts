import { nextStateId, type Terminal } from './terminal.js';

export interface NumberLimits {
  integer: boolean;
  minimum: number;
  maximum: number;
  exclusiveMinimum: boolean;
  exclusiveMaximum: boolean;
}

/**
 * Numbers are written without exponent, with at most 15 significant digits: such decimals and the doubles they parse
 * to are in the same order, so bounds hold after parsing too. Six of them may be decimals, after at most nine.
 */
const MAX_DIGITS = 15;
const MAX_DECIMALS = 6;
const DIGITS_BEFORE_DECIMALS = MAX_DIGITS - MAX_DECIMALS;
const UNIT = 10n ** BigInt(MAX_DECIMALS);
const LARGEST = 10n ** BigInt(MAX_DIGITS) - 1n;

const [MINUS, POINT, ZERO, NINE] = [0x2d, 0x2e, 0x30, 0x39] as const;

/** A JSON number within limits. @returns undefined when no number that can be written lies within them */
export function numberTerminal(limits: NumberLimits): Terminal | undefined {
  const least = bound(limits.minimum, 'up', limits.exclusiveMinimum);
  const most = bound(limits.maximum, 'down', limits.exclusiveMaximum);
  // Whole numbers lie between whole bounds; between fractions a sign alone could lead nowhere.
  const low = limits.integer ? ceilUnits(least) * UNIT : least;
  const high = limits.integer ? floorUnits(most) * UNIT : most;
  if (low > high) return undefined;
  const machine: Machine = { low, high, integer: limits.integer, states: new Map() };
  const start = stateOf(machine, { negative: false, whole: 0n, digits: 0, decimals: -1, signed: false });
  const numeral = [MINUS, ...Array.from({ length: 10 }, (_, i) => ZERO + i)];
  return numeral.some((byte) => start.next(byte)) ? start : undefined;
}

interface Machine {
  /** Bounds, inclusive, in millionths. */
  low: bigint;
  high: bigint;
  integer: boolean;
  states: Map<string, Terminal>;
}

interface Prefix {
  signed: boolean;
  negative: boolean;
  /** The digits read so far, as a number without point. */
  whole: bigint;
  digits: number;
  /** Decimals read; -1 before the point. */
  decimals: number;
}

/** The bound in millionths, rounded inwards. */
function bound(x: number, round: 'up' | 'down', exclusive: boolean): bigint {
  const limit = LARGEST * UNIT;
  if (x === -Infinity || x <= -1e15) return round === 'up' ? -limit : -limit - 1n;
  if (x === Infinity || x >= 1e15) return round === 'down' ? limit : limit + 1n;
  const [mantissa, exponent = '0'] = Math.abs(x).toString().split('e');
  const [whole, decimals = ''] = mantissa!.split('.');
  const digits = BigInt(whole! + decimals) * (x < 0 ? -1n : 1n);
  const shift = Number(exponent) - decimals.length + MAX_DECIMALS;
  if (shift >= 0) {
    const exact = digits * 10n ** BigInt(shift);
    return exclusive ? exact + (round === 'up' ? 1n : -1n) : exact;
  }
  const divisor = 10n ** BigInt(-shift);
  const exact = digits % divisor === 0n;
  const floor = digits / divisor - (digits < 0n && !exact ? 1n : 0n);
  if (exact && exclusive) return round === 'up' ? floor + 1n : floor - 1n;
  return round === 'up' && !exact ? floor + 1n : floor;
}

function stateOf(machine: Machine, prefix: Prefix): Terminal {
  const key = `${prefix.signed}${prefix.negative}${prefix.whole},${prefix.digits},${prefix.decimals}`;
  let state = machine.states.get(key);
  if (state === undefined) {
    if (machine.states.size > 4096) machine.states.clear(); // Only a cache; equal states then differ by id.
    machine.states.set(key, (state = new NumberState(machine, prefix)));
  }
  return state;
}

class NumberState implements Terminal {
  readonly id = nextStateId();
  readonly final: boolean;

  constructor(
    private readonly machine: Machine,
    private readonly prefix: Prefix,
  ) {
    const { digits, decimals } = prefix;
    const value = digits > 0 && decimals !== 0 ? millionths(prefix) : undefined;
    this.final = value !== undefined && value >= machine.low && value <= machine.high;
  }

  next(byte: number): Terminal | undefined {
    const after = this.#append(byte);
    return after && reachable(this.machine, after) ? stateOf(this.machine, after) : undefined;
  }

  #append(byte: number): Prefix | undefined {
    const { signed, whole, digits, decimals } = this.prefix;
    if (byte === MINUS) return signed || digits > 0 ? undefined : { ...this.prefix, signed: true, negative: true };
    if (byte === POINT) {
      if (this.machine.integer || digits === 0 || decimals >= 0 || digits > DIGITS_BEFORE_DECIMALS) return undefined;
      return { ...this.prefix, decimals: 0 };
    }
    if (byte < ZERO || byte > NINE) return undefined;
    const leadingZero = decimals < 0 && digits === 1 && whole === 0n;
    if (leadingZero || decimals >= MAX_DECIMALS || (decimals < 0 && digits >= MAX_DIGITS)) return undefined;
    return {
      ...this.prefix,
      signed: true,
      whole: whole * 10n + BigInt(byte - ZERO),
      digits: digits + 1,
      decimals: decimals < 0 ? -1 : decimals + 1,
    };
  }
}

function millionths({ negative, whole, decimals }: Prefix): bigint {
  const magnitude = whole * 10n ** BigInt(MAX_DECIMALS - Math.max(0, decimals));
  return negative ? -magnitude : magnitude;
}

/** Whether some completion of the prefix lies within the bounds. */
function reachable(machine: Machine, prefix: Prefix): boolean {
  const [low, high] = prefix.negative ? [-machine.high, -machine.low] : [machine.low, machine.high];
  if (prefix.digits === 0) return high >= 0n;
  const { whole, digits, decimals } = prefix;
  if (decimals >= 0) {
    const step = 10n ** BigInt(MAX_DECIMALS - decimals);
    // With no decimal yet, one must follow; '.0' is one, so nothing is lost.
    return whole * step <= high && whole * step + step - 1n >= low;
  }
  const more = whole === 0n ? 0 : MAX_DIGITS - digits;
  for (let extra = 0; extra <= more; extra++) {
    const scale = 10n ** BigInt(extra);
    const first = whole * scale;
    const last = first + scale - 1n;
    const fraction = machine.integer || digits + extra > DIGITS_BEFORE_DECIMALS ? 0n : UNIT - 1n;
    if (fraction > 0n) {
      if (first * UNIT <= high && last * UNIT + fraction >= low) return true;
    } else if (ceilUnits(low) <= last && first <= floorUnits(high) && ceilUnits(low) <= floorUnits(high)) return true;
  }
  return false;
}

const floorUnits = (x: bigint): bigint => x / UNIT - (x < 0n && x % UNIT !== 0n ? 1n : 0n);
const ceilUnits = (x: bigint): bigint => -floorUnits(-x);
