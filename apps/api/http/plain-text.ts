import type { FastifyInstance } from 'fastify';
import { TesseraError } from '#contracts';

/** Deeper than anybody's schema, and far from the end of the stack. */
const MAX_DEPTH = 100;

/** A path into a value, and what about it no database or recursion of ours can take. */
export interface Unfit {
  path: (string | number)[];
  message: string;
}

/** Characters that are no text, or lists in lists without end. Undefined when all is well. Recursion ends at MAX_DEPTH. */
export function unfitFor(value: unknown, depth = 0): Unfit | undefined {
  if (typeof value === 'string')
    return isText(value) ? undefined : { path: [], message: 'holds a character that is no text' };
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth >= MAX_DEPTH) return { path: [], message: `is nested deeper than ${MAX_DEPTH} levels` };
  const inside = value as Record<string | number, unknown>;
  for (const key of Array.isArray(value) ? value.keys() : Object.keys(value)) {
    if (typeof key === 'string' && !isText(key)) return { path: [], message: 'has a name that is no text' };
    const unfit = unfitFor(inside[key], depth + 1);
    if (unfit) return { ...unfit, path: [key, ...unfit.path] };
  }
  return undefined;
}

/** Unicode without the zero character, which PostgreSQL's text does not have. */
const isText = (text: string) => !text.includes('\0') && !/\p{Surrogate}/u.test(text);

/** What a file is called, on one line and as text; a name is a label and never a path. */
export const plainName = (name: string): string =>
  // eslint-disable-next-line no-control-regex
  name.replace(/[\x00-\x1f\x7f]/g, '').slice(0, 255).replace(/\p{Surrogate}/gu, '\ufffd'); // prettier-ignore

/** Refuses addresses with zero characters, before any route takes an id from them. */
export function refuseUnfitAddresses(fastify: Pick<FastifyInstance, 'addHook'>): void {
  fastify.addHook('onRequest', async (request) => {
    if (request.url.includes('%00')) throw new TesseraError('invalid_request', 'The address holds a zero character.');
  });
}
