import '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { TesseraError } from '#contracts';
import { plainName } from '../http/plain-text.js';
import { identityOf } from '../identity/identity.js';
import type { MediaRecord } from '#storage';

export interface Form<File> {
  /** Text fields; a name that ends in `[]` or comes more than once is a list. */
  fields: Record<string, string | string[]>;
  files: File[];
}

/** Where the files of a form go while they arrive. */
export interface FileSink<File> {
  put(tenant: string, name: string, bytes: AsyncIterable<Uint8Array>, keep?: boolean): Promise<File>;
}

/** Reads a multipart form; its files are stored while they arrive. */
export async function readForm<File = MediaRecord>(
  request: FastifyRequest,
  store: FileSink<File>,
  options: { keep?: boolean } = {},
): Promise<Form<File>> {
  if (!request.isMultipart()) throw new TesseraError('invalid_request', 'The request is not a multipart form.');
  const { tenant } = identityOf(request);
  // Without a prototype, so that a field may be called anything.
  const fields = Object.create(null) as Form<File>['fields'];
  const files: File[] = [];
  try {
    for await (const part of request.parts()) {
      if (part.type === 'file') {
        files.push(await store.put(tenant, plainName(part.filename) || 'file', part.file, options.keep));
        continue;
      }
      const value = String(part.value);
      const name = part.fieldname.replace(/\[\]$/, '');
      const before = fields[name];
      fields[name] =
        before !== undefined ? [...[before].flat(), value] : part.fieldname.endsWith('[]') ? [value] : value;
    }
  } catch (error) {
    throw unreadable(error);
  }
  return { fields, files };
}

/** The parser's own errors have neither a status nor, like those of disks and databases, a code. */
function unreadable(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TesseraError || 'code' in error || 'statusCode' in error)
    return error;
  return new TesseraError('invalid_request', `The form cannot be read: ${error.message}.`, { cause: error });
}
