import type pg from 'pg';

export type RequestKind =
  'description' | 'transcription' | 'question' | 'chat.completion' | 'media' | 'timeline' | 'evidence';

/** Who asked for which job. What the job did is in the queue's journal. */
export interface RequestRecord {
  /** Also the id of the job. */
  id: string;
  tenant: string;
  kind: RequestKind;
  options: Record<string, unknown>;
  idempotencyKey?: string | undefined;
  /** Hash of the work, to tell one use of an idempotency key from another. */
  fingerprint: string;
  createdAt: Date;
}

interface RequestRow {
  id: string;
  tenant: string;
  kind: RequestKind;
  options: Record<string, unknown>;
  idempotency_key: string | null;
  fingerprint: string;
  created_at: Date;
}

const toRequest = (row: RequestRow): RequestRecord => ({
  id: row.id,
  tenant: row.tenant,
  kind: row.kind,
  options: row.options,
  idempotencyKey: row.idempotency_key ?? undefined,
  fingerprint: row.fingerprint,
  createdAt: row.created_at,
});

/** Writes the request down, or finds the one that took its idempotency key first: one of many callers creates it. */
export async function reserveRequest(
  pool: pg.Pool,
  request: Omit<RequestRecord, 'createdAt'>,
): Promise<RequestRecord & { created: boolean }> {
  const { rows } = await pool.query<RequestRow & { created: boolean }>({
    name: 'tessera-reserve',
    // The update changes nothing: it makes the row that was first come back.
    text: `insert into tessera.request as r (id, tenant, kind, options, idempotency_key, fingerprint) values ($1, $2, $3, $4, $5, $6)
           on conflict (tenant, idempotency_key) do update set tenant = r.tenant returning *, r.id = $1 as created`,
    values: [
      request.id,
      request.tenant,
      request.kind,
      JSON.stringify(request.options),
      request.idempotencyKey ?? null,
      request.fingerprint,
    ],
  });
  const row = rows[0] as RequestRow & { created: boolean };
  return { ...toRequest(row), created: row.created };
}

export async function getRequest(pool: pg.Pool, tenant: string, id: string): Promise<RequestRecord | undefined> {
  const { rows } = await pool.query<RequestRow>('select * from tessera.request where tenant = $1 and id = $2', [
    tenant,
    id,
  ]);
  return rows[0] && toRequest(rows[0]);
}

/** Of whatever tenant: for those who run the service. */
export async function findRequest(pool: pg.Pool, id: string): Promise<RequestRecord | undefined> {
  const { rows } = await pool.query<RequestRow>('select * from tessera.request where id = $1', [id]);
  return rows[0] && toRequest(rows[0]);
}

/** Newest first; `before` is the id of the last one of the page before. */
export async function listRequests(
  pool: pg.Pool,
  tenant: string,
  page: { limit: number; before?: string },
): Promise<RequestRecord[]> {
  const { rows } = await pool.query<RequestRow>(
    `select * from tessera.request where tenant = $1
       and ($3::text is null or (created_at, id) < (select created_at, id from tessera.request where tenant = $1 and id = $3))
     order by created_at desc, id desc limit $2`,
    [tenant, page.limit, page.before ?? null],
  );
  return rows.map(toRequest);
}

export async function deleteRequest(pool: pg.Pool, id: string): Promise<void> {
  await pool.query('delete from tessera.request where id = $1', [id]);
}

/** Forgets requests that are older than their results. */
export async function expireRequests(pool: pg.Pool, seconds: number): Promise<void> {
  await pool.query('delete from tessera.request where created_at < now() - make_interval(secs => $1)', [seconds]);
}
