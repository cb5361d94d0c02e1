import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { createLogger, inTransaction, storableJson } from '#platform';
import type { JobEvent, JobState } from '#contracts';
import {
  lastProgress,
  NO_TREES,
  PRIVATE_PREFIX,
  stateEvent,
  type Change,
  type Journal,
  type JournalEvent,
  type ListFilter,
  type NewTree,
  type Outcome,
  type TreeRecord,
  type TreeState,
  type UnfinishedState,
} from './journal.js';

const SCHEMA_LOCK = 0x54455351;
const CHANNEL = 'tessera_jobs';

const SCHEMA = `
  create schema if not exists tessera_queue;
  create table if not exists tessera_queue.tree (
    id text primary key,
    scope text not null,
    root text not null,
    spec jsonb not null,
    priority text not null,
    state text not null default 'queued',
    progress jsonb,
    result jsonb,
    error jsonb,
    -- Number of the newest event. Its row lock gives a tree's events one order, which is also the order of their commits.
    seq bigint not null default 0,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz
  );
  create index if not exists tree_by_age on tessera_queue.tree (scope, created_at);
  create index if not exists tree_unfinished on tessera_queue.tree (scope) where finished_at is null;
  create index if not exists tree_finished on tessera_queue.tree (scope, finished_at) where finished_at is not null;
  create table if not exists tessera_queue.event (
    tree text not null references tessera_queue.tree on delete cascade,
    seq bigint not null,
    event jsonb not null,
    primary key (tree, seq)
  );
  alter table tessera_queue.tree add column if not exists owner text not null default '';
  create index if not exists tree_by_owner on tessera_queue.tree (scope, owner) where finished_at is null;
`;
/** The newest object of the schema: where it is, all is. */
const NEWEST = 'tessera_queue.tree_by_owner';

interface StateRow {
  id: string;
  root: TreeRecord['root'];
  state: JobState;
  progress: TreeRecord['progress'];
  error: TreeRecord['error'];
  created_at: Date;
  started_at: Date | null;
  finished_at: Date | null;
}
type TreeRow = StateRow & Pick<TreeRecord, 'spec' | 'priority' | 'result'>;

const STATE = 'id, root, state, progress, error, created_at, started_at, finished_at';

const toRecord = <Row extends StateRow>({ created_at, started_at, finished_at, ...row }: Row) => ({
  ...row,
  createdAt: created_at,
  startedAt: started_at,
  finishedAt: finished_at,
});

const log = createLogger('journal');

/** The journal in PostgreSQL. Other processes hear of changes by LISTEN/NOTIFY, unless the scope is private to this one. */
export class PostgresJournal implements Journal {
  private readonly self = randomUUID().slice(0, 8);
  private readonly listeners = new Set<(id: string, change: Change) => void>();
  private listener: pg.PoolClient | undefined;
  private closed = false;

  private constructor(
    private readonly pool: pg.Pool,
    private readonly scope: string,
    private readonly shared: boolean,
  ) {}

  static async open(pool: pg.Pool, scope: string, shared: boolean): Promise<PostgresJournal> {
    const { rows } = await pool.query<{ at: string | null }>(`select to_regclass('${NEWEST}') as at`);
    if (!rows[0]?.at) await PostgresJournal.createSchema(pool);
    const journal = new PostgresJournal(pool, scope, shared);
    if (shared) await journal.listen();
    return journal;
  }

  private static async createSchema(pool: pg.Pool): Promise<void> {
    await inTransaction(pool, async (client) => {
      await client.query('select pg_advisory_xact_lock($1)', [SCHEMA_LOCK]);
      const { rows } = await client.query<{ at: string | null }>(`select to_regclass('${NEWEST}') as at`);
      if (!rows[0]?.at) await client.query(SCHEMA);
    });
  }

  private async listen(): Promise<void> {
    const client = await this.pool.connect();
    client.on('notification', ({ payload = '' }) => {
      const [sender, scope, id = '', change] = payload.split(' ');
      if (scope === this.scope && sender !== this.self) this.tell(id, change as Change);
    });
    // One lost connection tells of two errors: what the server said, and that the socket then ended.
    let lost = false;
    client.on('error', (error) => {
      if (lost) return;
      lost = true;
      log.warn({ error: error.message }, 'the LISTEN connection was lost');
      if (this.listener === client) this.release();
      this.reconnect();
    });
    this.listener = client;
    try {
      await client.query(`listen ${CHANNEL}`);
    } catch (error) {
      if (this.listener === client) this.release();
      if (!lost) throw error;
    }
    if (this.closed) this.release();
  }

  private release(): void {
    this.listener?.release(true);
    this.listener = undefined;
  }

  /** Whoever waits also asks from time to time, so changes that were missed meanwhile are found late, not never. */
  private reconnect(): void {
    if (this.closed) return;
    setTimeout(() => void this.listen().catch(() => this.reconnect()), 1000).unref();
  }

  private tell(id: string, change: Change): void {
    for (const listener of this.listeners) listener(id, change);
  }

  /** Arguments for `select pg_notify(...)`; null notifies nobody. */
  private notice(id: string, change: Change): string | null {
    return this.shared ? `${this.self} ${this.scope} ${id} ${change}` : null;
  }

  onChange(listener: (id: string, change: Change) => void): void {
    this.listeners.add(listener);
  }

  async begin({ id, root, spec, priority, owner }: NewTree): Promise<void> {
    await this.pool.query({
      name: 'tessera-begin',
      text: `with t as (insert into tessera_queue.tree (id, scope, root, spec, priority, owner, seq) values ($1, $2, $3, $4, $5, $7, 1) returning id)
             insert into tessera_queue.event select id, 1, $6::jsonb from t`,
      values: [id, this.scope, root, JSON.stringify(spec), priority, JSON.stringify(stateEvent('queued')), owner],
    });
  }

  async start(id: string): Promise<boolean> {
    const { rows } = await this.pool.query<{ open: boolean; started: boolean }>({
      name: 'tessera-start',
      text: `with t as (
               update tessera_queue.tree set state = 'running', started_at = now(), seq = seq + 1
               where id = $1 and state = 'queued' returning seq),
             e as (insert into tessera_queue.event select $1, seq, $2::jsonb from t),
             n as (select pg_notify('${CHANNEL}', $3) from t where $3::text is not null)
             select finished_at is null as open, exists (select from t) as started, (select count(*) from n) as notified
             from tessera_queue.tree where id = $1`,
      values: [id, JSON.stringify(stateEvent('running')), this.notice(id, 'event')],
    });
    if (rows[0]?.started) this.tell(id, 'event');
    return rows[0]?.open ?? false;
  }

  async append(id: string, events: readonly JobEvent[]): Promise<void> {
    const progress = lastProgress(events);
    await this.pool.query({
      name: 'tessera-append',
      text: `with t as (
               update tessera_queue.tree set seq = seq + $2, progress = coalesce($4::jsonb, progress)
               where id = $1 and finished_at is null returning seq),
             e as (insert into tessera_queue.event
                   select $1, t.seq - $2 + x.n, x.event from t, jsonb_array_elements($3::jsonb) with ordinality as x (event, n))
             select pg_notify('${CHANNEL}', $5) from t where $5::text is not null`,
      values: [
        id,
        events.length,
        storableJson(events),
        progress ? JSON.stringify(progress) : null,
        this.notice(id, 'event'),
      ],
    });
    this.tell(id, 'event');
  }

  async finish(id: string, outcome: Outcome): Promise<boolean> {
    const result = outcome.state === 'completed' ? storableJson(outcome.result ?? null) : null;
    const error = outcome.state === 'completed' ? null : storableJson(outcome.error);
    const { rowCount } = await this.pool.query({
      name: 'tessera-finish',
      text: `with t as (
               update tessera_queue.tree set state = $2, result = $3::jsonb, error = $4::jsonb, finished_at = now(), seq = seq + 1
               where id = $1 and finished_at is null returning seq),
             e as (insert into tessera_queue.event select $1, seq, $5::jsonb from t)
             select case when $6::text is not null then pg_notify('${CHANNEL}', $6)::text end from t`,
      values: [id, outcome.state, result, error, JSON.stringify(stateEvent(outcome.state)), this.notice(id, 'end')],
    });
    if (rowCount) this.tell(id, 'end');
    return rowCount === 1;
  }

  async read(id: string): Promise<TreeRecord | undefined> {
    const { rows } = await this.pool.query<TreeRow>({
      name: 'tessera-read',
      text: 'select * from tessera_queue.tree where id = $1 and scope = $2',
      values: [id, this.scope],
    });
    return rows[0] && toRecord(rows[0]);
  }

  async state(id: string): Promise<TreeState | undefined> {
    const { rows } = await this.pool.query<StateRow>({
      name: 'tessera-state',
      text: `select ${STATE} from tessera_queue.tree where id = $1 and scope = $2`,
      values: [id, this.scope],
    });
    return rows[0] && toRecord(rows[0]);
  }

  async events(id: string, after = '0'): Promise<JournalEvent[]> {
    const { rows } = await this.pool.query<{ seq: string; event: JobEvent }>({
      name: 'tessera-events',
      text: 'select seq, event from tessera_queue.event where tree = $1 and seq > $2 order by seq',
      values: [id, /^\d{1,18}$/.test(after) ? after : '0'],
    });
    return rows.map(({ seq, event }) => ({ id: seq, event }));
  }

  async list({ states, limit, before, skip = 0 }: ListFilter): Promise<TreeState[]> {
    const { rows } = await this.pool.query<StateRow>(
      `select ${STATE} from tessera_queue.tree where scope = $1 and ($2::text[] is null or state = any($2))
         and ($4::text is null or (created_at, id) < (select created_at, id from tessera_queue.tree where id = $4))
       order by created_at desc, id desc limit $3 offset $5`,
      [this.scope, states ?? null, limit, before ?? null, skip],
    );
    return rows.map((row) => toRecord(row));
  }

  async counts(): Promise<Record<JobState, number>> {
    const { rows } = await this.pool.query<{ state: JobState; n: number }>(
      'select state, count(*)::int as n from tessera_queue.tree where scope = $1 group by state',
      [this.scope],
    );
    return { ...NO_TREES, ...Object.fromEntries(rows.map(({ state, n }) => [state, n])) };
  }

  async count(states: readonly UnfinishedState[], owner?: string): Promise<number> {
    const { rows } = await this.pool.query<{ n: number }>({
      name: 'tessera-count',
      text: `select count(*)::int as n from tessera_queue.tree
             where scope = $1 and finished_at is null and state = any($2) and ($3::text is null or owner = $3)`,
      values: [this.scope, states, owner ?? null],
    });
    return rows[0]?.n ?? 0;
  }

  async remove(id: string): Promise<void> {
    await this.pool.query('delete from tessera_queue.tree where id = $1 and scope = $2', [id, this.scope]);
  }

  async sweep(seconds: number): Promise<void> {
    await this.pool.query(
      `delete from tessera_queue.tree where scope = $1 and finished_at < now() - make_interval(secs => $2)`,
      [this.scope, seconds],
    );
  }

  async abandoned(): Promise<string[]> {
    const { rows } = await this.pool.query<{ scope: string }>(
      `select scope from tessera_queue.tree where scope like '${PRIVATE_PREFIX}%'
       group by scope having max(created_at) < now() - interval '1 day'`,
    );
    return rows.map(({ scope }) => scope);
  }

  async clear(scope: string): Promise<void> {
    await this.pool.query('delete from tessera_queue.tree where scope = $1', [scope]);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.listeners.clear();
    this.release();
    return Promise.resolve();
  }
}
