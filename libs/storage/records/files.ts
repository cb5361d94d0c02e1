import type pg from 'pg';
import type { MediaKind } from '#contracts';
import { nameBlob } from './unnamed.js';

export type FilePurpose = 'assistants' | 'batch' | 'user_data' | 'vision' | 'batch_output';

/** A file of OpenAI's interface, as somebody brought it or as a batch wrote it. */
export interface FileRecord {
  id: string;
  tenant: string;
  /** sha-256 of the bytes. */
  blob: string;
  name: string;
  purpose: FilePurpose;
  kind: MediaKind | 'unknown';
  bytes: number;
  createdAt: Date;
}

interface FileRow {
  id: string;
  tenant: string;
  blob: string;
  name: string;
  purpose: FilePurpose;
  kind: FileRecord['kind'];
  bytes: string;
  created_at: Date;
}

const toFile = ({ created_at: createdAt, bytes, ...row }: FileRow): FileRecord => ({
  ...row,
  bytes: Number(bytes),
  createdAt,
});

const UNFINISHED = `('validating', 'in_progress', 'finalizing', 'cancelling')`;

/** Files by tenant. */
export class FileRecords {
  constructor(private readonly pool: pg.Pool) {}

  /** `client` is a transaction that the file belongs to. */
  async put(file: Omit<FileRecord, 'createdAt'>, client: pg.ClientBase | pg.Pool = this.pool): Promise<FileRecord> {
    const { rows } = await client.query<FileRow>(
      `insert into tessera.file (id, tenant, blob, name, purpose, kind, bytes) values ($1, $2, $3, $4, $5, $6, $7) returning *`,
      [file.id, file.tenant, file.blob, file.name, file.purpose, file.kind, file.bytes],
    );
    await nameBlob(client, file.blob);
    return toFile(rows[0] as FileRow);
  }

  async get(tenant: string, id: string): Promise<FileRecord | undefined> {
    const { rows } = await this.pool.query<FileRow>('select * from tessera.file where tenant = $1 and id = $2', [
      tenant,
      id,
    ]);
    return rows[0] && toFile(rows[0]);
  }

  /** `after` is the id of the last one of the page before. */
  async list(
    tenant: string,
    page: { limit: number; after?: string; purpose?: string; order?: 'asc' | 'desc' },
  ): Promise<FileRecord[]> {
    const [order, sign] = page.order === 'asc' ? ['asc', '>'] : ['desc', '<'];
    const { rows } = await this.pool.query<FileRow>(
      `select * from tessera.file where tenant = $1 and ($4::text is null or purpose = $4)
         and ($3::text is null or (created_at, id) ${sign} (select created_at, id from tessera.file where tenant = $1 and id = $3))
       order by created_at ${order}, id ${order} limit $2`,
      [tenant, page.limit, page.after ?? null, page.purpose ?? null],
    );
    return rows.map(toFile);
  }

  /** `in_use` when a batch that has not ended reads it. */
  async delete(tenant: string, id: string): Promise<'deleted' | 'missing' | 'in_use'> {
    const { rows } = await this.pool.query<{ used: boolean; gone: boolean }>(
      `with used as (select 1 from tessera.batch where tenant = $1 and input_file = $2 and status in ${UNFINISHED}),
            gone as (delete from tessera.file where tenant = $1 and id = $2 and not exists (select from used) returning 1)
       select exists (select from used) as used, exists (select from gone) as gone`,
      [tenant, id],
    );
    if (rows[0]?.gone) return 'deleted';
    return rows[0]?.used ? 'in_use' : 'missing';
  }
}
