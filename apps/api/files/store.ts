import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { TesseraError } from '#contracts';
import { sniff } from '#jobs';
import type { FilePurpose, FileRecord } from '#storage';
import { discard, withdraw } from '../discard.js';
import { Quota } from '../inputs/quota.js';
import { peek } from '../inputs/store.js';
import { PARTS, type ApiParts } from '../parts.js';

export type NewFile = Omit<FileRecord, 'createdAt'>;

/** Files on their way in and out; the bytes are blobs, which stay as long as a file or a medium names them. */
@Injectable()
export class FileStore {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(Quota) private readonly quota: Quota,
  ) {}

  /** Streams bytes to a blob under a cap: of `maxBytes`, or what a tenant may bring. The file is there once its record is put; one without is to be released. */
  async receive(
    tenant: string,
    name: string,
    purpose: FilePurpose,
    bytes: AsyncIterable<Uint8Array>,
    maxBytes?: number,
  ): Promise<NewFile> {
    const head: Uint8Array[] = [];
    const source = peek(bytes, head);
    const blob = await (maxBytes === undefined
      ? this.quota.receive(tenant, source)
      : this.parts.blobs.put(source, { maxBytes, announce: this.parts.records.unnamed.announce }));
    const { kind } = sniff(Buffer.concat(head));
    const id = `file-${randomBytes(12).toString('hex')}`;
    return { id, tenant, blob: blob.id, name, purpose, kind, bytes: blob.size };
  }

  /** Deletes what was received and gets no record. */
  release(blob: string): Promise<void> {
    return withdraw(this.parts, blob);
  }

  /** A file of this tenant. Throws `file_not_found`, also for what belongs to others. */
  async get(tenant: string, id: string, param = 'file_id'): Promise<FileRecord> {
    const record = await this.parts.records.files.get(tenant, id);
    if (!record) throw missing(id, param);
    return record;
  }

  /** Throws `file_not_found`, and `conflict` while a batch reads the file. */
  async delete(tenant: string, id: string): Promise<void> {
    const { blob } = await this.get(tenant, id);
    const outcome = await this.parts.records.files.delete(tenant, id);
    if (outcome === 'missing') throw missing(id, 'file_id');
    if (outcome === 'in_use')
      throw new TesseraError('conflict', `The file ${id} is read by a batch that has not ended; cancel it first.`);
    if ((await this.parts.records.countReferences(blob)) === 0) await discard(this.parts, [blob]);
  }
}

const missing = (id: string, param: string) => new TesseraError('file_not_found', `There is no file ${id}.`, { param });
