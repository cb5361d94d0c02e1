import { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import { ContentHash, TesseraError } from '#contracts';
import { guessKind, sniff, SNIFF_BYTES, type TreeInput } from '#jobs';
import { checkUrl } from '#platform';
import type { MediaRecord } from '#storage';
import { discard } from '../discard.js';
import { validate } from '../http/validate.js';
import { PARTS, type ApiParts } from '../parts.js';
import { parseDataUrl } from './data-url.js';
import { Quota } from './quota.js';

/** Passes bytes on and keeps the first ones. */
export async function* peek(source: AsyncIterable<Uint8Array>, head: Uint8Array[]): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of source) {
    if (seen < SNIFF_BYTES) head.push(chunk.subarray(0, SNIFF_BYTES - seen));
    seen += chunk.byteLength;
    yield chunk;
  }
}

/** Media on their way in: streamed to the blobs under a cap, never whole in memory, and written down for who brought them. */
@Injectable()
export class MediaStore {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(Quota) private readonly quota: Quota,
  ) {}

  /** With `keep`, the medium stays until it is deleted; otherwise it goes when the result of its request does. */
  async put(
    tenant: string,
    name: string,
    bytes: AsyncIterable<Uint8Array> | Uint8Array,
    keep = false,
  ): Promise<MediaRecord> {
    const head: Uint8Array[] = [];
    const source = bytes instanceof Uint8Array ? Readable.from([bytes]) : bytes;
    const blob = await this.quota.receive(tenant, peek(source, head));
    if (blob.size === 0) throw new TesseraError('empty_file', `${name} is empty.`, { param: 'file' });
    const { kind, mimeType } = sniff(Buffer.concat(head));
    const expiresAt = keep ? null : new Date(Date.now() + 1000 * this.parts.config.queue.mediaSeconds);
    const record = await this.parts.records.putMedia({
      tenant,
      id: blob.id,
      name,
      kind,
      mimeType,
      bytes: blob.size,
      expiresAt,
    });
    // The same bytes may be known by another name; this request calls them by its own.
    return { ...record, name };
  }

  /** A medium that came with a request stays from now on. */
  keep(medium: MediaRecord): Promise<MediaRecord> {
    return this.parts.records.putMedia({ ...medium, expiresAt: null });
  }

  /** A medium of this tenant, by its id. Throws `media_not_found`, also for what belongs to others. */
  async get(tenant: string, id: string): Promise<MediaRecord> {
    const record = ContentHash.safeParse(id).success ? await this.parts.records.getMedia(tenant, id) : undefined;
    if (!record) throw new TesseraError('media_not_found', `There is no medium ${id}.`, { param: id });
    return record;
  }

  /** The bytes go with the last who has them. Throws `media_not_found`. */
  async delete(tenant: string, id: string): Promise<void> {
    validate(ContentHash, id);
    const { deleted, references } = await this.parts.records.deleteMedia(tenant, id);
    if (!deleted) throw new TesseraError('media_not_found', `There is no medium ${id}.`, { param: id });
    if (references === 0) await discard(this.parts, [id]);
  }

  toInput({ id, name, kind }: Pick<MediaRecord, 'id' | 'name' | 'kind'>): TreeInput {
    return { source: { type: 'blob', blob: id, name }, kind };
  }

  /** A medium, or a file of `POST /v1/files`. */
  async fromId(tenant: string, id: string): Promise<TreeInput> {
    if (id.startsWith('file-')) {
      const file = await this.parts.records.files.get(tenant, id);
      if (!file) throw new TesseraError('file_not_found', `There is no file ${id}.`, { param: id });
      return this.toInput({ id: file.blob, name: file.name, kind: file.kind });
    }
    return this.toInput(await this.get(tenant, id));
  }

  /** An http(s) URL, which is judged here and fetched by the ingest job; or a data URL, which is stored. */
  async fromUrl(tenant: string, url: string, name?: string, param?: string): Promise<TreeInput> {
    if (/^data:/i.test(url)) {
      const { bytes, mimeType } = parseDataUrl(url, param);
      return this.toInput(await this.put(tenant, name ?? `inline.${mimeType.split('/')[1] ?? 'bin'}`, bytes));
    }
    const checked = checkUrl(url, this.parts.config.urls);
    return { source: { type: 'url', url: checked.href, name: name ?? checked.href }, kind: guessKind(checked.href) };
  }

  async fromBase64(tenant: string, data: string, name: string, param: string): Promise<TreeInput> {
    return this.toInput(await this.put(tenant, name, decodeBase64(data, param)));
  }
}

/** Throws `invalid_request` for what is not base64, which Buffer would read as less than was meant. */
export function decodeBase64(data: string, param?: string): Buffer {
  const compact = data.replace(/\s+/g, '');
  if (compact === '' || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(compact))
    throw new TesseraError('invalid_request', `${param ?? 'data'}: is not base64`, { param });
  return Buffer.from(compact, 'base64');
}
