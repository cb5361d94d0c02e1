import { TesseraError } from '#contracts';
import { allow, allows, emptyMask, type TokenMask } from '../sampler/token-mask.js';
import { Automaton, type State } from './automaton.js';
import { compileJsonSchema, type JsonSchema } from './json-schema.js';
import { type TokenTrie, type Trie } from './token-trie.js';

/** Masks kept per schema: 6 KB each for 49,152 tokens. */
const MAX_MASKS = 1024;
/** Schemas kept compiled. */
const MAX_SCHEMAS = 32;

/**
 * Makes constraints for one vocabulary; compiled schemas and their masks are shared by all sequences and kept.
 *
 * @example
 * const grammars = new Grammars(new TokenTrie(bytesOfTokens), [stopId]);
 * const constraint = grammars.forSchema(sampling.jsonSchema);
 * const { token } = sampler.sample(logits, constraint.mask());
 * constraint.accept(token);
 */
export class Grammars {
  readonly #compiled = new Map<string, CompiledGrammar>();

  constructor(
    private readonly trie: TokenTrie,
    /** Tokens that end the answer: allowed exactly where the JSON is complete. */
    private readonly stopTokens: readonly number[],
  ) {}

  /** @throws TesseraError `schema_not_supported` naming the keyword and its place */
  forSchema(schema: JsonSchema): JsonConstraint {
    const key = JSON.stringify(schema);
    const compiled =
      this.#compiled.get(key) ??
      new CompiledGrammar(new Automaton(compileJsonSchema(schema)), this.trie, this.stopTokens);
    this.#compiled.delete(key);
    this.#compiled.set(key, compiled);
    if (this.#compiled.size > MAX_SCHEMAS) this.#compiled.delete(this.#compiled.keys().next().value!);
    return new JsonConstraint(compiled, compiled.start);
  }
}

/** One sequence's place in its grammar. Cheap to fork, so that drafted tokens can be tried. */
export class JsonConstraint {
  #state: State;

  constructor(
    private readonly grammar: CompiledGrammar,
    start: State,
  ) {
    this.#state = start;
  }

  /** The tokens that may come next. Shared: do not change it. */
  mask(): TokenMask {
    return this.grammar.mask(this.#state);
  }

  allows(token: number): boolean {
    return allows(this.mask(), token);
  }

  /** True when the text so far is a complete answer. */
  get complete(): boolean {
    return this.#state.accepting;
  }

  /** @throws TesseraError `decoder_failed` for a token outside the mask */
  accept(token: number): void {
    const next = this.grammar.advance(this.#state, token);
    if (next === undefined)
      throw new TesseraError('decoder_failed', `Token ${token} does not fit the answer's JSON schema.`);
    this.#state = next;
  }

  fork(): JsonConstraint {
    return new JsonConstraint(this.grammar, this.#state);
  }
}

class CompiledGrammar {
  readonly #masks = new Map<State, TokenMask>();
  /** States along the path to the trie node being looked at. */
  readonly #path: State[] = [];

  constructor(
    private readonly automaton: Automaton,
    private readonly trie: TokenTrie,
    private readonly stopTokens: readonly number[],
  ) {}

  get start(): State {
    return this.automaton.start;
  }

  advance(state: State, token: number): State | undefined {
    if (this.stopTokens.includes(token)) return state.accepting ? state : undefined;
    const bytes = this.trie.bytesOf(token);
    if (bytes === undefined || bytes.length === 0) return undefined;
    let at: State | null = state;
    for (const byte of bytes) {
      at = this.automaton.step(at, byte);
      if (at === null) return undefined;
    }
    return at;
  }

  mask(state: State): TokenMask {
    let mask = this.#masks.get(state);
    if (mask === undefined) {
      mask = this.#compute(state);
      if (this.#masks.size >= MAX_MASKS) this.#masks.delete(this.#masks.keys().next().value!);
      this.#masks.set(state, mask);
    }
    return mask;
  }

  #compute(state: State): TokenMask {
    const plain = state.readings.length === 1 ? state.readings[0]!.terminal.plain : undefined;
    const mask = plain === undefined ? emptyMask(this.trie.vocabulary) : this.trie.plainMask(plain).slice();
    this.#walk(plain === undefined ? this.trie.all : this.trie.special, state, mask);
    if (state.accepting) for (const token of this.stopTokens) allow(mask, token);
    return mask;
  }

  #walk(trie: Trie, start: State, mask: TokenMask): void {
    const { byte, depth, end, token, twins } = trie;
    const path = this.#path;
    path[0] = start;
    for (let i = 0; i < byte.length;) {
      const d = depth[i]!;
      const from = path[d]!;
      const known = from.next[byte[i]!];
      const state = known === undefined ? this.automaton.step(from, byte[i]!) : known;
      if (state === null) {
        i = end[i]!;
        continue;
      }
      path[d + 1] = state;
      const id = token[i]!;
      if (id >= 0) {
        allow(mask, id);
        for (const twin of twins.get(id) ?? []) allow(mask, twin);
      }
      i++;
    }
  }
}
