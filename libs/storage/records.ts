import type pg from 'pg';
import type { MediaKind } from '#contracts';

/** A medium as somebody brought it. */
export interface MediaRecord {
  tenant: string;
  /** sha-256 of the bytes; also the id of the blob. */
  id: string;
  name: string;
  kind: MediaKind | 'unknown';
  mimeType: string;
  bytes: number;
  createdAt: Date;
}

interface MediaRow {
  tenant: string;
  id: string;
  name: string;
  kind: MediaRecord['kind'];
  mime_type: string;
  bytes: string;
  created_at: Date;
}

const toMedia = (row: MediaRow): MediaRecord => ({
  tenant: row.tenant,
  id: row.id,
  name: row.name,
  kind: row.kind,
  mimeType: row.mime_type,
  bytes: Number(row.bytes),
  createdAt: row.created_at,
});

/** What Tessera remembers in PostgreSQL: media, and the cache of everything that follows from them. */
export class Records {
  constructor(private readonly pool: pg.Pool) {}

  async putMedia(media: Omit<MediaRecord, 'createdAt'>): Promise<MediaRecord> {
    const { rows } = await this.pool.query<MediaRow>(
      `insert into tessera.media (tenant, id, name, kind, mime_type, bytes) values ($1, $2, $3, $4, $5, $6)
       on conflict (tenant, id) do update set name = excluded.name returning *`,
      [media.tenant, media.id, media.name, media.kind, media.mimeType, media.bytes],
    );
    return toMedia(rows[0] as MediaRow);
  }

  async getMedia(tenant: string, id: string): Promise<MediaRecord | undefined> {
    const { rows } = await this.pool.query<MediaRow>('select * from tessera.media where tenant = $1 and id = $2', [
      tenant,
      id,
    ]);
    return rows[0] && toMedia(rows[0]);
  }

  /** Newest first; `before` is the id of the last one of the page before. */
  async listMedia(tenant: string, options: { limit: number; before?: string }): Promise<MediaRecord[]> {
    const { rows } = await this.pool.query<MediaRow>(
      `select * from tessera.media where tenant = $1
         and ($3::text is null or (created_at, id) < (select created_at, id from tessera.media where tenant = $1 and id = $3))
       order by created_at desc, id desc limit $2`,
      [tenant, options.limit, options.before ?? null],
    );
    return rows.map(toMedia);
  }

  /** Returns how many tenants still have these bytes: at 0 the blob may go. */
  async deleteMedia(tenant: string, id: string): Promise<{ deleted: boolean; references: number }> {
    const { rowCount } = await this.pool.query('delete from tessera.media where tenant = $1 and id = $2', [tenant, id]);
    const { rows } = await this.pool.query<{ n: number }>(
      'select count(*)::int as n from tessera.media where id = $1',
      [id],
    );
    return { deleted: rowCount === 1, references: rows[0]?.n ?? 0 };
  }

  async getArtifact<T = unknown>(key: string): Promise<T | undefined> {
    const { rows } = await this.pool.query<{ value: T }>('select value from tessera.artifact where key = $1', [key]);
    return rows[0]?.value;
  }

  /** The first value of a key stays: a key determines its value. */
  async putArtifact(key: string, value: unknown): Promise<void> {
    await this.pool.query('insert into tessera.artifact (key, value) values ($1, $2) on conflict (key) do nothing', [
      key,
      JSON.stringify(value),
    ]);
  }

  async deleteArtifact(key: string): Promise<void> {
    await this.pool.query('delete from tessera.artifact where key = $1', [key]);
  }
}
