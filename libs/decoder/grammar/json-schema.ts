import { TesseraError } from '#contracts';
import { choice, type GrammarNode, lazy, repeated, sequence, terminal, text } from './grammar-node.js';
import { numberTerminal } from './number-terminal.js';
import { stringTerminal } from './string-terminal.js';

export type JsonSchema = { readonly [keyword: string]: unknown };

type TypeName = keyof typeof TYPES;

/** Keywords that describe and do not constrain. */
const ANNOTATIONS = new Set(
  '$schema $id $comment $defs definitions title description default examples deprecated readOnly writeOnly'.split(' '),
);
/** Keywords that stand alone: beside them only annotations (and `type`, for enum and const) are understood. */
const ALONE = ['$ref', 'enum', 'const', 'anyOf', 'allOf'] as const;

/** What each type understands, and how it becomes grammar. */
const TYPES = {
  object: { keywords: ['properties', 'required', 'additionalProperties'], build: buildObject },
  array: { keywords: ['items', 'prefixItems', 'minItems', 'maxItems'], build: buildArray },
  string: { keywords: ['minLength', 'maxLength'], build: buildString },
  number: { keywords: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'], build: buildNumber(false) },
  integer: { keywords: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum'], build: buildNumber(true) },
  boolean: { keywords: [] as string[], build: () => text('true', 'false') },
  null: { keywords: [] as string[], build: () => text('null') },
} as const satisfies Record<string, { keywords: string[]; build: (schema: JsonSchema, at: Place) => GrammarNode }>;
const TYPE_KEYWORDS = new Set<string>(Object.values(TYPES).flatMap(({ keywords }) => [...keywords]));

/**
 * Compiles a JSON schema to a grammar of exactly the JSON texts that the decoder may write for it: properties in the
 * schema's order, no properties but those named, one optional space after each comma and colon.
 * @throws TesseraError `schema_not_supported` naming the keyword and its place; nothing is silently ignored
 */
export function compileJsonSchema(schema: JsonSchema): GrammarNode {
  return new Place(schema, schema, '#', new Map()).node();
}

/** A schema within its document. */
class Place {
  constructor(
    readonly root: JsonSchema,
    readonly schema: unknown,
    readonly pointer: string,
    readonly references: Map<string, GrammarNode>,
  ) {}

  child(schema: unknown, ...steps: (string | number)[]): Place {
    return new Place(this.root, schema, [this.pointer, ...steps].join('/'), this.references);
  }

  fail(what: string): TesseraError {
    return new TesseraError('schema_not_supported', `JSON schema at ${this.pointer}: ${what}.`, {
      param: 'json_schema',
    });
  }

  node(): GrammarNode {
    const { schema } = this;
    if (schema === true) return this.#compile({});
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
      throw this.fail(schema === false ? 'the schema `false` allows no answer' : 'a schema must be an object');
    return this.#compile(schema as JsonSchema);
  }

  #compile(schema: JsonSchema): GrammarNode {
    const keywords = Object.keys(schema).filter((key) => !ANNOTATIONS.has(key) && schema[key] !== undefined);
    for (const key of keywords)
      if (key !== 'type' && !TYPE_KEYWORDS.has(key) && !ALONE.includes(key as (typeof ALONE)[number]))
        throw this.fail(`the keyword '${key}' is not supported`);
    const alone = ALONE.find((key) => keywords.includes(key));
    if (alone !== undefined) {
      const typed = alone === 'enum' || alone === 'const';
      const other = keywords.find((key) => key !== alone && !(typed && key === 'type'));
      if (other !== undefined) throw this.fail(`the keyword '${other}' beside '${alone}' is not supported`);
    }
    switch (alone) {
      case '$ref':
        return this.#reference(schema.$ref);
      case 'enum':
        return this.#oneOf(schema.enum, schema.type);
      case 'const':
        return this.#oneOf([schema.const], schema.type);
      case 'anyOf':
        return choice(...this.#list('anyOf', schema.anyOf).map((option, i) => this.child(option, 'anyOf', i).node()));
      case 'allOf': {
        const parts = this.#list('allOf', schema.allOf);
        if (parts.length > 1) throw this.fail("the keyword 'allOf' with several schemas is not supported");
        return this.child(parts[0], 'allOf', 0).node();
      }
    }
    const types = this.#types(schema, keywords);
    for (const key of keywords)
      if (key !== 'type' && !types.some((type) => (TYPES[type].keywords as readonly string[]).includes(key)))
        throw this.fail(`the keyword '${key}' does not apply to ${types.join(' or ')}`);
    return choice(...types.map((type) => TYPES[type].build(schema, this)));
  }

  #types(schema: JsonSchema, keywords: string[]): TypeName[] {
    const named = schema.type === undefined ? [] : [schema.type].flat();
    for (const type of named)
      if (typeof type !== 'string' || !(type in TYPES)) throw this.fail(`there is no type ${JSON.stringify(type)}`);
    if (named.length > 0) return named as TypeName[];
    const all = Object.keys(TYPES).filter((type) => type !== 'integer') as TypeName[];
    const implied = all.filter((type) =>
      keywords.some((key) => (TYPES[type].keywords as readonly string[]).includes(key)),
    );
    return implied.length > 0 ? implied : all;
  }

  #list(keyword: string, value: unknown): unknown[] {
    if (!Array.isArray(value) || value.length === 0) throw this.fail(`'${keyword}' must be a list with an entry`);
    return value;
  }

  #oneOf(values: unknown, type: unknown): GrammarNode {
    const types = type === undefined ? undefined : [type].flat();
    const fitting = this.#list('enum', values).filter((value) => types?.some((t) => isOfType(value, t)) ?? true);
    if (fitting.length === 0) throw this.fail('no value of the enumeration has the type asked for');
    return text(...fitting.map((value) => JSON.stringify(value)));
  }

  #reference(ref: unknown): GrammarNode {
    if (typeof ref !== 'string' || !/^#(\/|$)/.test(ref))
      throw this.fail(`the reference ${JSON.stringify(ref)} is not supported; it must point into the schema ('#/…')`);
    let node = this.references.get(ref);
    if (node === undefined) {
      let target: unknown = this.root;
      for (const step of ref.split('/').slice(1)) {
        const key = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
        target =
          typeof target === 'object' && target !== null && Object.hasOwn(target, key)
            ? (target as JsonSchema)[key]
            : undefined;
      }
      if (target === undefined) throw this.fail(`the reference '${ref}' points to nothing`);
      const place = new Place(this.root, target, ref, this.references);
      node = lazy(() => compiled);
      this.references.set(ref, node);
      const compiled = place.node();
    }
    return node;
  }
}

function buildString(schema: JsonSchema, at: Place): GrammarNode {
  const [minLength, maxLength] = range(schema, at, 'minLength', 'maxLength');
  return terminal(stringTerminal({ minLength, maxLength }));
}

function buildNumber(integer: boolean) {
  return (schema: JsonSchema, at: Place): GrammarNode => {
    const limit = (keyword: string, otherwise: number): number => {
      const value = schema[keyword] ?? otherwise;
      if (typeof value !== 'number' || Number.isNaN(value)) throw at.fail(`'${keyword}' must be a number`);
      return value;
    };
    const [minimum, above] = [limit('minimum', -Infinity), limit('exclusiveMinimum', -Infinity)];
    const [maximum, below] = [limit('maximum', Infinity), limit('exclusiveMaximum', Infinity)];
    const start = numberTerminal({
      integer,
      minimum: Math.max(minimum, above),
      maximum: Math.min(maximum, below),
      exclusiveMinimum: above >= minimum && above > -Infinity,
      exclusiveMaximum: below <= maximum && below < Infinity,
    });
    if (start === undefined) throw at.fail('its bounds leave no number of at most 15 digits and 6 decimals');
    return terminal(start);
  };
}

function buildArray(schema: JsonSchema, at: Place): GrammarNode {
  const [min, max] = range(schema, at, 'minItems', 'maxItems');
  if (schema.prefixItems === undefined) {
    if (max === 0) return text('[]');
    const item = valueNode(schema.items, at, 'items');
    return repeated('[', item, ']', min, max);
  }
  const places = schema.prefixItems;
  if (!Array.isArray(places)) throw at.fail("'prefixItems' must be a list");
  if (schema.items !== undefined && schema.items !== false)
    throw at.fail("the keyword 'items' beside 'prefixItems' is not supported unless it is false");
  if (min > places.length || max < places.length)
    throw at.fail("'minItems' and 'maxItems' must admit exactly the items of 'prefixItems'");
  const items = places.map((item, i) => at.child(item, 'prefixItems', i).node());
  return sequence(text('['), ...items.flatMap((item, i) => (i === 0 ? [item] : [text(',', ', '), item])), text(']'));
}

function buildObject(schema: JsonSchema, at: Place): GrammarNode {
  const properties = (schema.properties ?? {}) as JsonSchema;
  if (typeof properties !== 'object' || Array.isArray(properties)) throw at.fail("'properties' must be an object");
  const required = (schema.required ?? []) as unknown[];
  if (!Array.isArray(required)) throw at.fail("'required' must be a list");
  const missing = required.find((name) => typeof name !== 'string' || !Object.hasOwn(properties, name));
  if (missing !== undefined) throw at.fail(`'required' names ${JSON.stringify(missing)}, which is not in 'properties'`);

  const members = Object.entries(properties).map(([name, value]) => ({
    key: JSON.stringify(name) + ':',
    value: at.child(value, 'properties', name).node(),
    optional: !required.includes(name),
  }));
  const { additionalProperties } = schema;
  if (members.length === 0 && additionalProperties !== false) {
    const value = valueNode(additionalProperties, at, 'additionalProperties');
    const key = terminal(stringTerminal({ minLength: 1, maxLength: 64 }));
    return repeated('{', sequence(key, text(':', ': '), value), '}', 0, Infinity);
  }
  /** From the member at `index` on, when an earlier one has been written or not. */
  const from = (index: number, separators: string[]): GrammarNode => {
    const options: GrammarNode[] = [];
    for (let i = index; i < members.length; i++) {
      const { key, value, optional } = members[i]!;
      const heads = separators.flatMap((separator) => [separator + key, `${separator}${key} `]);
      options.push(sequence(text(...heads), value, rest[i + 1]!));
      if (!optional) return choice(...options);
    }
    return choice(...options, text('}'));
  };
  const rest: GrammarNode[] = members.map((_, i) => lazy(() => from(i, [',', ', '])));
  rest.push(text('}'));
  return sequence(text('{'), from(0, ['']));
}

/** The schema under a keyword; anything when it is absent, made only when reached since anything contains itself. */
function valueNode(schema: unknown, at: Place, keyword: string): GrammarNode {
  return schema === undefined ? lazy(() => at.child(true, keyword).node()) : at.child(schema, keyword).node();
}

function range(schema: JsonSchema, at: Place, low: string, high: string): [number, number] {
  const [min, max] = [schema[low] ?? 0, schema[high] ?? Infinity];
  for (const [keyword, value] of [
    [low, min],
    [high, max],
  ] as const)
    if (typeof value !== 'number' || value < 0 || (value !== Infinity && !Number.isInteger(value)))
      throw at.fail(`'${keyword}' must be a whole number of at least 0`);
  if (min > max) throw at.fail(`'${low}' is greater than '${high}'`);
  return [min as number, max as number];
}

function isOfType(value: unknown, type: unknown): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}
