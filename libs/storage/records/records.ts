import type pg from 'pg';
import { storableJson } from '#platform';
import { BatchRecords } from './batches.js';
import { FileRecords } from './files.js';
import * as keys from './keys.js';
import { LookRecords } from './looks.js';
import * as media from './media.js';
import { PassageRecords } from './passages.js';
import * as requests from './requests.js';
import { UnnamedBlobs } from './unnamed.js';
import { DeliveryRecords } from './webhooks.js';

/** What Tessera remembers in PostgreSQL: who brought and asked for what, and the cache of everything that follows from media. */
export class Records {
  readonly files: FileRecords;
  readonly batches: BatchRecords;
  readonly passages: PassageRecords;
  readonly looks: LookRecords;
  readonly deliveries: DeliveryRecords;
  readonly unnamed: UnnamedBlobs;

  constructor(private readonly pool: pg.Pool) {
    this.files = new FileRecords(pool);
    this.batches = new BatchRecords(pool);
    this.passages = new PassageRecords(pool);
    this.looks = new LookRecords(pool);
    this.deliveries = new DeliveryRecords(pool);
    this.unnamed = new UnnamedBlobs(pool);
  }

  async putMedia(
    record: Omit<media.MediaRecord, 'createdAt' | 'expiresAt'> & { expiresAt?: Date | null },
  ): Promise<media.MediaRecord> {
    const put = await media.putMedia(this.pool, { expiresAt: null, ...record });
    await this.unnamed.named(record.id);
    return put;
  }
  getMedia = (tenant: string, id: string) => media.getMedia(this.pool, tenant, id);
  mediaTenants = (id: string) => media.mediaTenants(this.pool, id);
  listMedia = (tenant: string, page: { limit: number; before?: string }) => media.listMedia(this.pool, tenant, page);
  async deleteMedia(tenant: string, id: string): ReturnType<typeof media.deleteMedia> {
    const result = await media.deleteMedia(this.pool, tenant, id);
    await this.forgetOrphans();
    return result;
  }
  storedBytes = (tenant: string) => media.storedBytes(this.pool, tenant);
  countReferences = (blob: string) => media.countReferences(this.pool, blob);
  async expireMedia(): Promise<string[]> {
    const ids = await media.expireMedia(this.pool);
    await this.forgetOrphans();
    return ids;
  }

  private async forgetOrphans(): Promise<void> {
    await Promise.all([this.passages.forgetOrphans(), this.looks.forgetOrphans()]);
  }

  reserveRequest = (request: Omit<requests.RequestRecord, 'createdAt'>) => requests.reserveRequest(this.pool, request);
  getRequest = (tenant: string, id: string) => requests.getRequest(this.pool, tenant, id);
  findRequest = (id: string) => requests.findRequest(this.pool, id);
  listRequests = (tenant: string, page: { limit: number; before?: string }) =>
    requests.listRequests(this.pool, tenant, page);
  deleteRequest = (id: string) => requests.deleteRequest(this.pool, id);
  expireRequests = (seconds: number) => requests.expireRequests(this.pool, seconds);

  createKey = (key: Parameters<typeof keys.createKey>[1]) => keys.createKey(this.pool, key);
  findKey = (secret: string) => keys.findKey(this.pool, secret);
  listKeys = () => keys.listKeys(this.pool);
  revokeKey = (id: string) => keys.revokeKey(this.pool, id);

  async getArtifact<T = unknown>(key: string): Promise<T | undefined> {
    const { rows } = await this.pool.query<{ value: T }>({
      name: 'tessera-get-artifact',
      text: 'select value from tessera.artifact where key = $1',
      values: [key],
    });
    return rows[0]?.value;
  }

  /** The first value of a key stays: a key determines its value. */
  async putArtifact(key: string, value: unknown): Promise<void> {
    await this.pool.query({
      name: 'tessera-put-artifact',
      text: 'insert into tessera.artifact (key, value) values ($1, $2) on conflict (key) do nothing',
      values: [key, storableJson(value)],
    });
  }

  /**
   * The same of a value that names a blob, which was announced.
   * @returns the value that stays: where another came first, its blob is the one to read
   */
  async nameBlob(key: string, value: unknown, blob: string): Promise<unknown> {
    await this.putArtifact(key, value);
    const stays = await this.getArtifact(key);
    // Somebody forgot it in this moment, since the one before named a blob that is gone.
    if (stays === undefined) return this.nameBlob(key, value, blob);
    if (JSON.stringify(stays).includes(blob)) await this.unnamed.named(blob);
    return stays;
  }

  /** @param value only where it is still this one */
  async deleteArtifact(key: string, value?: unknown): Promise<void> {
    await this.pool.query('delete from tessera.artifact where key = $1 and ($2::jsonb is null or value = $2::jsonb)', [
      key,
      value === undefined ? null : storableJson(value),
    ]);
  }

  /** Throws when the database does not answer. */
  async ping(): Promise<void> {
    await this.pool.query('select 1');
  }
}
