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
  /** Null: it stays until it is deleted. */
  expiresAt: Date | null;
}

interface MediaRow {
  tenant: string;
  id: string;
  name: string;
  kind: MediaRecord['kind'];
  mime_type: string;
  bytes: string;
  created_at: Date;
  expires_at: Date | null;
}

const toMedia = (row: MediaRow): MediaRecord => ({
  tenant: row.tenant,
  id: row.id,
  name: row.name,
  kind: row.kind,
  mimeType: row.mime_type,
  bytes: Number(row.bytes),
  createdAt: row.created_at,
  expiresAt: row.expires_at,
});

/** Brings a medium to a tenant. What was brought to stay stays, however often it comes again with a request. */
export async function putMedia(pool: pg.Pool, media: Omit<MediaRecord, 'createdAt'>): Promise<MediaRecord> {
  const { rows } = await pool.query<MediaRow>(
    `insert into tessera.media as m (tenant, id, name, kind, mime_type, bytes, expires_at) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (tenant, id) do update set
       name = case when m.expires_at is null and excluded.expires_at is not null then m.name else excluded.name end,
       expires_at = case when m.expires_at is null then null else greatest(m.expires_at, excluded.expires_at) end
     returning *`,
    [media.tenant, media.id, media.name, media.kind, media.mimeType, media.bytes, media.expiresAt],
  );
  const row = rows[0] as MediaRow;
  if (row.expires_at === null || media.expiresAt !== null) return toMedia(row);
  await pool.query('update tessera.media set expires_at = null where tenant = $1 and id = $2', [
    media.tenant,
    media.id,
  ]);
  return { ...toMedia(row), expiresAt: null };
}

export async function getMedia(pool: pg.Pool, tenant: string, id: string): Promise<MediaRecord | undefined> {
  const { rows } = await pool.query<MediaRow>('select * from tessera.media where tenant = $1 and id = $2', [
    tenant,
    id,
  ]);
  return rows[0] && toMedia(rows[0]);
}

/** Everybody who has a medium. */
export async function mediaTenants(pool: pg.Pool, id: string): Promise<string[]> {
  const { rows } = await pool.query<{ tenant: string }>('select tenant from tessera.media where id = $1', [id]);
  return rows.map(({ tenant }) => tenant);
}

/** Newest first; `before` is the id of the last one of the page before. */
export async function listMedia(
  pool: pg.Pool,
  tenant: string,
  page: { limit: number; before?: string },
): Promise<MediaRecord[]> {
  const { rows } = await pool.query<MediaRow>(
    `select * from tessera.media where tenant = $1
       and ($3::text is null or (created_at, id) < (select created_at, id from tessera.media where tenant = $1 and id = $3))
     order by created_at desc, id desc limit $2`,
    [tenant, page.limit, page.before ?? null],
  );
  return rows.map(toMedia);
}

/** Bytes of a tenant's media and files. */
export async function storedBytes(pool: pg.Pool, tenant: string): Promise<number> {
  const { rows } = await pool.query<{ bytes: string }>(
    `select (select coalesce(sum(bytes), 0) from tessera.media where tenant = $1)
          + (select coalesce(sum(bytes), 0) from tessera.file where tenant = $1) as bytes`,
    [tenant],
  );
  return Number(rows[0]?.bytes ?? 0);
}

/** How many media and files these bytes are. */
export async function countReferences(client: pg.ClientBase | pg.Pool, blob: string): Promise<number> {
  const { rows } = await client.query<{ n: number }>(
    `select (select count(*) from tessera.media where id = $1)::int + (select count(*) from tessera.file where blob = $1)::int as n`,
    [blob],
  );
  return rows[0]?.n ?? 0;
}

/** Returns how often these bytes are still wanted, by this tenant or others: at 0 the blob may go. */
export async function deleteMedia(
  pool: pg.Pool,
  tenant: string,
  id: string,
): Promise<{ deleted: boolean; references: number }> {
  const { rowCount } = await pool.query('delete from tessera.media where tenant = $1 and id = $2', [tenant, id]);
  return { deleted: rowCount === 1, references: await countReferences(pool, id) };
}

/** Forgets media whose time is over; returns the ids that nobody has any more, which are doomed: not what somebody announces just now. */
export async function expireMedia(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `with gone as (delete from tessera.media where expires_at < now() returning tenant, id)
     insert into tessera.unnamed_blob (id, doomed) select distinct g.id, true from gone g
     where not exists (select from tessera.file f where f.blob = g.id) and not exists (
       select from tessera.media m where m.id = g.id and not exists (select from gone where tenant = m.tenant and id = m.id))
     on conflict (id) do nothing
     returning id`,
  );
  return rows.map(({ id }) => id);
}
