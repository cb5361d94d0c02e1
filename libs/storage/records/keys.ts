import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type pg from 'pg';

export type Scope = 'read' | 'write' | 'admin';

/** An API key as it is kept: without its secret. */
export interface KeyRecord {
  id: string;
  name: string;
  tenant: string;
  scopes: Scope[];
  createdAt: Date;
  revokedAt: Date | null;
}

interface KeyRow {
  id: string;
  name: string;
  tenant: string;
  scopes: Scope[];
  created_at: Date;
  revoked_at: Date | null;
}

const COLUMNS = 'id, name, tenant, scopes, created_at, revoked_at';

const toKey = ({ created_at, revoked_at, ...row }: KeyRow): KeyRecord => ({
  ...row,
  createdAt: created_at,
  revokedAt: revoked_at,
});

/** A secret has 256 random bits, so a plain hash is as good as a slow one. */
const hashOf = (secret: string) => createHash('sha256').update(secret).digest('hex');

/** Makes a key. Its secret is given once, here; only its hash is kept. */
export async function createKey(
  pool: pg.Pool,
  key: { name: string; tenant?: string; scopes?: readonly Scope[] },
): Promise<KeyRecord & { secret: string }> {
  const id = `key_${randomBytes(8).toString('hex')}`;
  const secret = `tsk_${randomBytes(32).toString('base64url')}`;
  const { rows } = await pool.query<KeyRow>(
    `insert into tessera.api_key (id, hash, name, tenant, scopes) values ($1, $2, $3, $4, $5) returning ${COLUMNS}`,
    [id, hashOf(secret), key.name, key.tenant ?? randomUUID(), key.scopes ?? ['read', 'write']],
  );
  return { ...toKey(rows[0] as KeyRow), secret };
}

/** The key of a secret, unless it has been revoked. */
export async function findKey(pool: pg.Pool, secret: string): Promise<KeyRecord | undefined> {
  const { rows } = await pool.query<KeyRow>({
    name: 'tessera-find-key',
    text: `select ${COLUMNS} from tessera.api_key where hash = $1 and revoked_at is null`,
    values: [hashOf(secret)],
  });
  return rows[0] && toKey(rows[0]);
}

export async function listKeys(pool: pg.Pool): Promise<KeyRecord[]> {
  const { rows } = await pool.query<KeyRow>(`select ${COLUMNS} from tessera.api_key order by created_at`);
  return rows.map(toKey);
}

/** False when there is no such key, or it had been revoked before. */
export async function revokeKey(pool: pg.Pool, id: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    'update tessera.api_key set revoked_at = now() where id = $1 and revoked_at is null',
    [id],
  );
  return rowCount === 1;
}
