import '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { TesseraError } from '#contracts';
import { formatSize } from '#platform';
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
  put(tenant: string, name: string, bytes: AsyncIterable<Uint8Array>): Promise<File>;
}

/** Reads a multipart form; its files are stored while they arrive. Text fields are together no longer than a body may be. */
export async function readForm<File = MediaRecord>(
  request: FastifyRequest,
  store: FileSink<File>,
): Promise<Form<File>> {
  if (!request.isMultipart()) throw new TesseraError('invalid_request', 'The request is not a multipart form.');
  const { tenant } = identityOf(request);
  const { bodyLimit } = request.routeOptions;
  let length = 0;
  // Without a prototype, so that a field may be called anything.
  const fields = Object.create(null) as Form<File>['fields'];
  const files: File[] = [];
  try {
    for await (const part of request.parts()) {
      if (part.type === 'file') {
        files.push(await store.put(tenant, plainName(part.filename) || 'file', part.file));
        continue;
      }
      // A part that says it is JSON comes parsed.
      const value = typeof part.value === 'string' ? part.value : JSON.stringify(part.value);
      length += Buffer.byteLength(value);
      if (part.valueTruncated || length > bodyLimit)
        throw new TesseraError(
          'file_too_large',
          `The text fields of the form are longer than ${formatSize(bodyLimit)}; send what is long as a file.`,
          { param: part.fieldname },
        );
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
