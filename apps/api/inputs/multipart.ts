import '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { TesseraError } from '#contracts';
import { identityOf } from '../identity/identity.js';
import type { MediaRecord } from '#storage';
import type { MediaStore } from './store.js';

export interface Form {
  /** Text fields; a name that ends in `[]` or comes more than once is a list. */
  fields: Record<string, string | string[]>;
  files: MediaRecord[];
}

/** Reads a multipart form; its files are stored while they arrive. */
export async function readForm(
  request: FastifyRequest,
  store: MediaStore,
  options: { keep?: boolean } = {},
): Promise<Form> {
  if (!request.isMultipart()) throw new TesseraError('invalid_request', 'The request is not a multipart form.');
  const { tenant } = identityOf(request);
  const fields: Form['fields'] = {};
  const files: MediaRecord[] = [];
  for await (const part of request.parts()) {
    if (part.type === 'file') {
      files.push(await store.put(tenant, part.filename || part.fieldname, part.file, options.keep));
      continue;
    }
    const value = String(part.value);
    const name = part.fieldname.replace(/\[\]$/, '');
    const before = fields[name];
    fields[name] = before !== undefined ? [...[before].flat(), value] : part.fieldname.endsWith('[]') ? [value] : value;
  }
  return { fields, files };
}
