import type { FastifyInstance } from 'fastify';
import { TesseraError } from '#contracts';

/** Deeper than anybody's schema, and far from the end of the stack. */
const MAX_DEPTH = 100;

/** A path into a value, and what about it no database or recursion of ours can take. */
export interface Unfit {
  path: (string | number)[];
  message: string;
}

/** Characters that are no text, or lists in lists without end; looked for without recursion. Undefined when all is well. */
export function unfitFor(value: unknown): Unfit | undefined {
  const open: { value: unknown; path: Unfit['path'] }[] = [{ value, path: [] }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { value: each, path } = next;
    if (typeof each === 'string' && !isText(each)) return { path, message: 'holds a character that is no text' };
    if (typeof each !== 'object' || each === null || Buffer.isBuffer(each)) continue;
    if (path.length >= MAX_DEPTH)
      return { path: path.slice(0, 3), message: `is nested deeper than ${MAX_DEPTH} levels` };
    for (const [key, inside] of Object.entries(each)) {
      if (!isText(key)) return { path, message: 'has a name that is no text' };
      open.push({ value: inside, path: [...path, key] });
    }
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
