import type pg from 'pg';
import { inTransaction, storableJson } from '#platform';
import {
  toBatch,
  toLine,
  type BatchFault,
  type BatchLine,
  type BatchOutcome,
  type BatchRecord,
  type BatchRow,
  type BatchStatus,
  type LineRow,
} from './batch.js';
import { FileRecords, type FileRecord } from './files.js';

const UNFINISHED = `('validating', 'in_progress', 'finalizing', 'cancelling')`;
const BEGIN = `times = times || jsonb_build_object($2::text, floor(extract(epoch from now())))`;

type NewBatch = Pick<BatchRecord, 'id' | 'tenant' | 'endpoint' | 'inputFile' | 'completionWindow' | 'metadata'> & {
  /** Seconds from its creation until it expires, by the one clock of the database. */
  windowSeconds: number;
};

/** Batches, their lines, and who works on them. */
export class BatchRecords {
  constructor(private readonly pool: pg.Pool) {}

  async create(batch: NewBatch): Promise<BatchRecord> {
    const { rows } = await this.pool.query<BatchRow>(
      `insert into tessera.batch (id, tenant, endpoint, input_file, completion_window, metadata, expires_at)
       values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7)) returning *`,
      [
        batch.id,
        batch.tenant,
        batch.endpoint,
        batch.inputFile,
        batch.completionWindow,
        batch.metadata && JSON.stringify(batch.metadata),
        batch.windowSeconds,
      ],
    );
    return toBatch(rows[0] as BatchRow);
  }

  async get(tenant: string, id: string): Promise<BatchRecord | undefined> {
    const { rows } = await this.pool.query<BatchRow>('select * from tessera.batch where tenant = $1 and id = $2', [
      tenant,
      id,
    ]);
    return rows[0] && toBatch(rows[0]);
  }

  /** Newest first; `after` is the id of the last one of the page before. */
  async list(tenant: string, page: { limit: number; after?: string }): Promise<BatchRecord[]> {
    const { rows } = await this.pool.query<BatchRow>(
      `select * from tessera.batch where tenant = $1
         and ($3::text is null or (created_at, id) < (select created_at, id from tessera.batch where tenant = $1 and id = $3))
       order by created_at desc, id desc limit $2`,
      [tenant, page.limit, page.after ?? null],
    );
    return rows.map(toBatch);
  }

  async countUnfinished(tenant: string): Promise<number> {
    const { rows } = await this.pool.query<{ n: number }>(
      `select count(*)::int as n from tessera.batch where tenant = $1 and status in ${UNFINISHED}`,
      [tenant],
    );
    return rows[0]?.n ?? 0;
  }

  /**
   * Takes up to `limit` unfinished batches that nobody works on, for `seconds`: the oldest of the tenants that have the fewest at work. With
   * `over`, those that are cancelled or whose time is over, and without it only the others.
   */
  async claim(
    owner: string,
    { limit, over, seconds }: { limit: number; over: boolean; seconds: number },
  ): Promise<BatchRecord[]> {
    const { rows } = await this.pool.query<BatchRow>(
      `with turns as (
         select id, row_number() over (partition by tenant order by (lease_until > now()) is true desc, created_at) as turn
         from tessera.batch where status in ${UNFINISHED})
       update tessera.batch set lease_owner = $1, lease_until = now() + make_interval(secs => $3) where id in (
         select b.id from tessera.batch b join turns t on t.id = b.id
         where status in ${UNFINISHED} and (lease_until is null or lease_until < now())
           and (status = 'cancelling' or expires_at < now()) = $4
         order by turn, created_at limit $2 for update of b skip locked)
       returning *`,
      [owner, limit, seconds, over],
    );
    return rows.map(toBatch);
  }

  /** Keeps a claimed batch for `seconds` more. Where it stands; undefined when another process has taken it. */
  async renew(
    id: string,
    owner: string,
    seconds: number,
  ): Promise<{ status: BatchStatus; expired: boolean } | undefined> {
    const { rows } = await this.pool.query<{ status: BatchStatus; expired: boolean }>(
      `update tessera.batch set lease_until = now() + make_interval(secs => $3) where id = $1 and lease_owner = $2
       returning status, expires_at < now() as expired`,
      [id, owner, seconds],
    );
    return rows[0];
  }

  async release(id: string, owner: string): Promise<void> {
    await this.pool.query(
      'update tessera.batch set lease_owner = null, lease_until = null where id = $1 and lease_owner = $2',
      [id, owner],
    );
  }

  /** Moves a batch on. Undefined when it was in none of the statuses `from`. */
  async advance(id: string, from: readonly BatchStatus[], to: BatchStatus): Promise<BatchRecord | undefined> {
    const { rows } = await this.pool.query<BatchRow>(
      `update tessera.batch set status = $2, ${BEGIN} where id = $1 and status = any($3) returning *`,
      [id, to, from],
    );
    return rows[0] && toBatch(rows[0]);
  }

  /** Ends a batch whose input is no batch. */
  async fail(id: string, faults: readonly BatchFault[]): Promise<void> {
    await this.pool.query(
      `with lines as (delete from tessera.batch_line where batch = $1)
       update tessera.batch set status = $2, ${BEGIN}, faults = $3, total = 0 where id = $1 and status = 'validating'`,
      [id, 'failed', storableJson(faults)],
    );
  }

  /** Forgets the lines of a reading that did not end. */
  async clearLines(id: string): Promise<void> {
    await this.pool.query('delete from tessera.batch_line where batch = $1', [id]);
  }

  async addLines(id: string, lines: readonly BatchLine[]): Promise<void> {
    await this.pool.query(
      `insert into tessera.batch_line (batch, line, custom_id, start_byte, end_byte, job)
       select $1, * from unnest($2::int[], $3::text[], $4::bigint[], $5::bigint[], $6::text[])`,
      [
        id,
        lines.map(({ line }) => line),
        lines.map(({ customId }) => customId),
        lines.map(({ start }) => start),
        lines.map(({ end }) => end),
        lines.map(({ job }) => job),
      ],
    );
  }

  /** The lines have been read: from `validating` to `in_progress`, with their number. */
  async begin(id: string): Promise<BatchRecord | undefined> {
    const { rows } = await this.pool.query<BatchRow>(
      `update tessera.batch set status = $2, ${BEGIN}, total = (select count(*) from tessera.batch_line where batch = $1)
       where id = $1 and status = 'validating' returning *`,
      [id, 'in_progress'],
    );
    return rows[0] && toBatch(rows[0]);
  }

  /** Lines without an outcome behind line `after`, in order. */
  async pending(id: string, after: number, limit: number): Promise<BatchLine[]> {
    const { rows } = await this.pool.query<LineRow>(
      'select * from tessera.batch_line where batch = $1 and line > $2 and outcome is null order by line limit $3',
      [id, after, limit],
    );
    return rows.map(toLine);
  }

  /** Lines behind line `after`, in order, with what came of them. */
  async outcomes(
    id: string,
    after: number,
    limit: number,
  ): Promise<(BatchLine & { outcome: BatchOutcome | undefined })[]> {
    const { rows } = await this.pool.query<LineRow>(
      'select * from tessera.batch_line where batch = $1 and line > $2 order by line limit $3',
      [id, after, limit],
    );
    return rows.map((row) => ({ ...toLine(row), outcome: row.outcome ?? undefined }));
  }

  /** Writes down what came of a line, and counts it. The first outcome of a line stays. */
  async record(id: string, line: number, outcome: BatchOutcome): Promise<void> {
    const good = 'status' in outcome && outcome.status < 400;
    await this.pool.query(
      `with done as (
         update tessera.batch_line set outcome = $3 where batch = $1 and line = $2 and outcome is null returning 1)
       update tessera.batch set completed = completed + $4, failed = failed + $5 where id = $1 and exists (select from done)`,
      [id, line, storableJson(outcome), good ? 1 : 0, good ? 0 : 1],
    );
  }

  /** Ends a batch with its files, all or nothing; its lines go. False when it had ended before. */
  async finish(
    id: string,
    status: 'completed' | 'cancelled' | 'expired',
    files: { output?: Omit<FileRecord, 'createdAt'>; error?: Omit<FileRecord, 'createdAt'> },
  ): Promise<boolean> {
    return inTransaction(this.pool, async (client) => {
      const { rowCount } = await client.query(
        `update tessera.batch set status = $2, ${BEGIN}, output_file = $3, error_file = $4, lease_owner = null, lease_until = null
         where id = $1 and status in ${UNFINISHED}`,
        [id, status, files.output?.id ?? null, files.error?.id ?? null],
      );
      const ended = rowCount === 1;
      if (ended) {
        const records = new FileRecords(this.pool);
        for (const file of [files.output, files.error]) if (file) await records.put(file, client);
        await client.query('delete from tessera.batch_line where batch = $1', [id]);
      }
      return ended;
    });
  }
}
