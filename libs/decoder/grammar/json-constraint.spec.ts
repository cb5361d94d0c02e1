import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { allows } from '../sampler/token-mask.js';
import { Grammars, type JsonConstraint } from './json-constraint.js';
import { type JsonSchema } from './json-schema.js';
import { TokenTrie } from './token-trie.js';

const STOP = 0;
const PIECES = [
  '":',
  '": ',
  '", "',
  '",',
  '{"',
  '"}',
  '"}]',
  '},',
  ', ',
  ':{"',
  '[{',
  ']',
  'null',
  'true',
  'nul',
  '-1',
  '12',
  '00',
  '.5',
  '"a"',
  'ab',
  'abc',
  'é',
  '€',
  ' the',
  '\\"',
  '\\n',
  '\\',
  '\n',
  '"a',
  'x"',
  '1}',
  '1,',
  '""',
  '[]',
  '{}',
];
/** One token per byte, then pieces that straddle lexical borders, one twin, and some cut through characters. */
const BYTES: (Uint8Array | undefined)[] = [
  undefined,
  ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
  ...PIECES.map((piece) => new Uint8Array(Buffer.from(piece))),
  new Uint8Array(Buffer.from('ab')),
  Uint8Array.of(0xe2, 0x82),
  Uint8Array.of(0x82, 0xac, 0x22),
];
let grammars: Grammars;
beforeAll(() => {
  grammars = new Grammars(new TokenTrie(BYTES), [STOP]);
});

const allowed = (constraint: JsonConstraint) =>
  BYTES.map((_, token) => token).filter((t) => allows(constraint.mask(), t));
const textOf = (tokens: number[]) => Buffer.concat(tokens.map((token) => BYTES[token] ?? Buffer.of())).toString();

/** Writes what a model with random logits would, with a growing wish to come to an end. */
function write(schema: JsonSchema, pick: () => number): string {
  const constraint = grammars.forSchema(schema);
  const tokens: number[] = [];
  for (let step = 0; step < 4000; step++) {
    const options = allowed(constraint);
    expect(options.length).toBeGreaterThan(0);
    const closing = options.filter((t) => /^(["\]}]|null|[0-9])/.test(textOf([t])));
    const wish = closing.length > 0 && pick() < step / 40;
    const from = options.includes(STOP) && pick() < 0.5 ? [STOP] : wish ? closing : options;
    const token = from[Math.floor(pick() * from.length)]!;
    constraint.accept(token);
    if (token === STOP) return textOf(tokens);
    tokens.push(token);
  }
  throw new Error(`no end: ${textOf(tokens)}`);
}

function seeded(seed: number): () => number {
  return () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

/** Byte by byte, as no tokenizer would. */
function accepts(schema: JsonSchema, text: string): boolean {
  const constraint = grammars.forSchema(schema);
  for (const byte of Buffer.from(text)) {
    if (!constraint.allows(byte + 1)) return false;
    constraint.accept(byte + 1);
  }
  return constraint.complete;
}

/** A schema, and values that fit it. */
interface Case {
  schema: JsonSchema;
  value: fc.Arbitrary<unknown>;
}
const name = fc.string({ unit: fc.constantFrom('a', 'b', '"', 'é', ' ', '\\'), minLength: 1, maxLength: 3 });
const leaf: fc.Arbitrary<Case> = fc.oneof(
  fc.constant({ schema: { type: 'boolean' }, value: fc.boolean() }),
  fc.constant({ schema: { type: 'null' }, value: fc.constant(null) }),
  fc.tuple(fc.nat(4), fc.nat(6)).map(([min, more]) => ({
    schema: { type: 'string', minLength: min, maxLength: min + more },
    value: fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', '€', '/'), minLength: min, maxLength: min + more }),
  })),
  fc.tuple(fc.integer({ min: -2000, max: 2000 }), fc.nat(300)).map(([minimum, more]) => ({
    schema: { type: 'integer', minimum, maximum: minimum + more },
    value: fc.integer({ min: minimum, max: minimum + more }),
  })),
  fc.tuple(fc.integer({ min: -900, max: 900 }), fc.integer({ min: 1, max: 99 })).map(([tenth, more]) => ({
    schema: { type: 'number', minimum: tenth / 10, exclusiveMaximum: (tenth + more) / 10 },
    value: fc.integer({ min: tenth * 10, max: (tenth + more) * 10 - 1 }).map((x) => x / 100),
  })),
  fc.uniqueArray(fc.oneof(name, fc.integer(), fc.constant(null)), { minLength: 1, maxLength: 4 }).map((values) => ({
    schema: { enum: values },
    value: fc.constantFrom(...values),
  })),
);
const { node } = fc.letrec<{ node: Case }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'schema' },
    leaf,
    fc.tuple(tie('node'), fc.nat(2), fc.nat(3)).map(([item, min, more]) => ({
      schema: { type: 'array', items: item.schema, minItems: min, maxItems: min + more },
      value: fc.array(item.value, { minLength: min, maxLength: min + more }),
    })),
    fc
      .uniqueArray(fc.tuple(name, tie('node'), fc.boolean()), { maxLength: 4, selector: ([key]) => key })
      .map((members) => ({
        schema: {
          type: 'object',
          properties: Object.fromEntries(members.map(([key, member]) => [key, member.schema])),
          required: members.filter(([, , required]) => required).map(([key]) => key),
          additionalProperties: false,
        },
        value: fc
          .tuple(
            ...members.map(([, member, required]) =>
              required ? member.value : fc.option(member.value, { nil: undefined }),
            ),
          )
          .map((values) => Object.fromEntries(members.map(([key], i) => [key, values[i]]))),
      })),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => ({
      schema: { anyOf: [a.schema, b.schema] },
      value: fc.oneof(a.value, b.value),
    })),
  ),
}));

describe('JSON-schema-constrained output', () => {
  it('always parses and validates, whatever the logits', () => {
    fc.assert(
      fc.property(node, fc.nat(), ({ schema }, seed) => {
        const value: unknown = JSON.parse(write(schema, seeded(seed)));
        expect(z.fromJSONSchema(schema as never).safeParse(value)).toMatchObject({ success: true });
      }),
      { numRuns: 300 },
    );
  });

  it('can write every value that fits, compactly or with a space after comma and colon', () => {
    fc.assert(
      fc.property(
        node.chain(({ schema, value }) => fc.tuple(fc.constant(schema), value)),
        ([schema, value]) => {
          const compact = JSON.stringify(value);
          expect(accepts(schema, compact)).toBe(true);
          const spaced = JSON.stringify(value, null, 1).replace(/\n\s*/g, (m, at: number, all: string) =>
            all[at - 1] === ',' ? ' ' : '',
          );
          expect(accepts(schema, spaced)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('masks exactly the tokens that can be accepted', () => {
    fc.assert(
      fc.property(node, fc.nat(), fc.nat(12), ({ schema }, seed, steps) => {
        const pick = seeded(seed);
        const constraint = grammars.forSchema(schema);
        for (let i = 0; i < steps; i++) {
          const options = allowed(constraint).filter((token) => token !== STOP);
          if (options.length === 0) break;
          constraint.accept(options[Math.floor(pick() * options.length)]!);
        }
        BYTES.forEach((_, token) => {
          let fits = true;
          try {
            constraint.fork().accept(token);
          } catch {
            fits = false;
          }
          expect([token, constraint.allows(token)]).toEqual([token, fits]);
        });
      }),
      { numRuns: 150 },
    );
  });

  it('ends exactly where the answer is complete', () => {
    const constraint = grammars.forSchema({ type: 'array', items: { type: 'integer' }, maxItems: 1 });
    expect(constraint.allows(STOP)).toBe(false);
    for (const c of '[7]') {
      expect(constraint.complete).toBe(false);
      constraint.accept(c.charCodeAt(0) + 1);
    }
    expect(constraint.complete).toBe(true);
    expect(allowed(constraint)).toEqual([STOP]);
    expect(() => constraint.accept(66)).toThrow(expect.objectContaining({ code: 'decoder_failed' }));
  });

  it('follows references, recursion, free-form objects and any value', () => {
    const list = {
      $defs: {
        node: {
          type: 'object',
          properties: { v: { type: 'number' }, next: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/node' }] } },
          required: ['v', 'next'],
        },
      },
      $ref: '#/$defs/node',
    };
    expect(accepts(list, '{"v":1.5,"next":{"v": -2, "next":null}}')).toBe(true);
    expect(accepts(list, '{"v":1,"next":{}}')).toBe(false);
    const record = { type: 'object', additionalProperties: { type: 'integer' } };
    expect(accepts(record, '{}')).toBe(true);
    expect(accepts(record, '{"one":1, "two": 2}')).toBe(true);
    expect(accepts(record, '{"one":"1"}')).toBe(false);
    for (const text of ['{"a":[1,{"b":null}]}', '[]', '"x"', '-0.5', 'false']) expect(accepts({}, text)).toBe(true);
    expect(accepts({ prefixItems: [{ type: 'string' }, {}], minItems: 2 }, '["a", [3]]')).toBe(true);
    expect(accepts({ type: ['string', 'null'], maxLength: 1 }, 'null')).toBe(true);
    expect(accepts({ type: 'object', properties: {}, additionalProperties: false }, '{}')).toBe(true);
  });

  it('counts characters, not bytes, and writes valid UTF-8 only', () => {
    const two = { type: 'string', minLength: 2, maxLength: 2 };
    for (const text of ['"€€"', '"😀a"', '"\\n\\""']) expect(accepts(two, text)).toBe(true);
    for (const text of ['"€"', '"abc"', '"\\u0041a"', '"a\n"']) expect(accepts(two, text)).toBe(false);
    const constraint = grammars.forSchema(two);
    constraint.accept(0x22 + 1);
    for (const bad of [0x80, 0xc0, 0xf5, 0xff]) expect(constraint.allows(bad + 1)).toBe(false);
    constraint.accept(0xed + 1);
    expect(constraint.allows(0xa0 + 1)).toBe(false);
  });

  it.each([
    [
      { type: 'object', properties: { a: { type: 'string', format: 'email' } } },
      "#/properties/a: the keyword 'format'",
    ],
    [{ type: 'array', uniqueItems: true }, "'uniqueItems'"],
    [{ not: {} }, "'not'"],
    [{ oneOf: [{}] }, "'oneOf'"],
    [{ type: 'integer', multipleOf: 3 }, "'multipleOf'"],
    [{ type: 'string', items: {} }, "'items' does not apply to string"],
    [{ type: 'text' }, '"text"'],
    [{ anyOf: [{ type: 'null' }], minLength: 3 }, "'minLength' beside 'anyOf'"],
    [{ anyOf: [] }, "'anyOf' must be a list"],
    [{ $ref: '#/$defs/missing' }, 'points to nothing'],
    [{ $ref: 'https://example.com/schema' }, 'must point into'],
    [{ type: 'integer', minimum: 1.2, maximum: 1.8 }, 'leave no number'],
    [{ type: 'object', required: ['a'] }, '\'required\' names "a"'],
    [{ minItems: 3, maxItems: 2 }, "'minItems' is greater"],
    [{ enum: [1, 2], type: 'string' }, 'no value of the enumeration'],
    [{ type: 'array', items: false }, 'allows no answer'],
    [{ $ref: '#' }, 'refers to itself'],
    [{ type: 'object', properties: { a: { anyOf: [{ $ref: '#/properties/a' }] } } }, 'refers to itself'],
  ])('names what it cannot do: %j', (schema, message) => {
    expect(() => {
      const constraint = grammars.forSchema(schema as JsonSchema);
      for (const byte of Buffer.from('{"a":')) constraint.accept(byte + 1);
    }).toThrow(expect.objectContaining({ code: 'schema_not_supported', message: expect.stringContaining(message) }));
  });
});
