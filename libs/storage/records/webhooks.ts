import { randomBytes } from 'node:crypto';
import type pg from 'pg';

/**
 * `waiting` for the end of its job, `pending` until a receiver has taken it, then `delivered`; `failed` when no more is tried.
 */
export type DeliveryState = 'waiting' | 'pending' | 'delivered' | 'failed';

/** One POST to a receiver and what came of it. */
export interface DeliveryAttempt {
  /** ISO 8601. */
  at: string;
  /** HTTP status of the answer; null when there was none. */
  status: number | null;
  error: string | null;
  ms: number;
}

/** The message about the end of one job, on its way to one receiver. */
export interface DeliveryRecord {
  /** Also the `webhook-id`: the same for every attempt, so that a receiver can tell repetitions. */
  id: string;
  tenant: string;
  job: string;
  url: string;
  /** Where the job is read, as its submitter reached the service. */
  jobUrl: string;
  state: DeliveryState;
  event: string | null;
  /** The exact bytes of the message once the job has ended. */
  body: string | null;
  /** Attempts since the last (re)start; `attempts` holds the last of them all. */
  tries: number;
  attempts: DeliveryAttempt[];
  nextAt: Date;
  createdAt: Date;
  deliveredAt: Date | null;
}

interface DeliveryRow {
  id: string;
  tenant: string;
  job: string;
  url: string;
  job_url: string;
  state: DeliveryState;
  event: string | null;
  body: string | null;
  tries: number;
  attempts: DeliveryAttempt[];
  next_at: Date;
  created_at: Date;
  delivered_at: Date | null;
}

/** The log of one delivery stays small, however often it is sent again. */
const KEPT_ATTEMPTS = 20;

const toDelivery = ({ job_url, next_at, created_at, delivered_at, ...row }: DeliveryRow): DeliveryRecord => ({
  ...row,
  jobUrl: job_url,
  nextAt: next_at,
  createdAt: created_at,
  deliveredAt: delivered_at,
});

/** What became of a claimed delivery; it is free again. */
export interface Settlement {
  state: DeliveryState;
  /** Seconds until it is due again; absent: it is not to be. */
  pauseSeconds?: number;
  /** Absent when nothing was sent. */
  attempt?: DeliveryAttempt;
}

/** The log of webhooks, which is also their queue. */
export class DeliveryRecords {
  constructor(private readonly pool: pg.Pool) {}

  /** Promises a message about a job that is written down already; with the job's request it is forgotten again. */
  async create(
    delivery: Pick<DeliveryRecord, 'tenant' | 'job' | 'url' | 'jobUrl'> & { firstCheckSeconds: number },
  ): Promise<void> {
    await this.pool.query(
      `insert into tessera.webhook_delivery (id, tenant, job, url, job_url, next_at)
       values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))`,
      [
        `msg_${randomBytes(16).toString('hex')}`,
        delivery.tenant,
        delivery.job,
        delivery.url,
        delivery.jobUrl,
        delivery.firstCheckSeconds,
      ],
    );
  }

  /** Makes what waits for the end of a job due. */
  async wake(job: string): Promise<void> {
    await this.pool.query(`update tessera.webhook_delivery set next_at = now() where job = $1 and state = 'waiting'`, [
      job,
    ]);
  }

  /**
   * Takes what is due, each by one of all processes. Whoever has not settled it after the lease is thought dead, and it is due
   * again: then, or, where the job's end is heard of meanwhile, as soon as it is settled.
   */
  async claim(limit: number, leaseSeconds: number): Promise<DeliveryRecord[]> {
    const { rows } = await this.pool.query<DeliveryRow>({
      name: 'tessera-claim-deliveries',
      text: `update tessera.webhook_delivery set
               claimed_until = now() + make_interval(secs => $2), next_at = now() + make_interval(secs => $2)
             where id in (
               select id from tessera.webhook_delivery
               where state in ('waiting', 'pending') and next_at <= now() and (claimed_until is null or claimed_until < now())
               order by next_at limit $1 for update skip locked)
             returning *`,
      values: [limit, leaseSeconds],
    });
    return rows.map(toDelivery);
  }

  /** Fixes the message, once. */
  async write(id: string, event: string, body: string): Promise<void> {
    await this.pool.query(
      `update tessera.webhook_delivery set event = $2, body = $3, state = 'pending' where id = $1 and body is null`,
      [id, event, body],
    );
  }

  /** What waits on, but was woken since it was claimed, is due at once: its job ended just after somebody had looked. */
  async settle(id: string, { state, pauseSeconds = 0, attempt }: Settlement): Promise<void> {
    await this.pool.query(
      `update tessera.webhook_delivery set
         state = $2,
         next_at = case when $2 = 'waiting' and next_at < claimed_until then next_at else now() + make_interval(secs => $3) end,
         claimed_until = null, tries = tries + $4,
         attempts = (select coalesce(jsonb_agg(a order by n), '[]') from (
           select a, n from jsonb_array_elements(attempts || $5::jsonb) with ordinality as t (a, n) order by n desc limit $6) kept),
         delivered_at = case when $2 = 'delivered' then now() else delivered_at end
       where id = $1`,
      [id, state, pauseSeconds, attempt ? 1 : 0, JSON.stringify(attempt ? [attempt] : []), KEPT_ATTEMPTS],
    );
  }

  /** Lets a claimed delivery be tried by somebody else, as if it had not been claimed. */
  async release(id: string): Promise<void> {
    await this.pool.query('update tessera.webhook_delivery set claimed_until = null, next_at = now() where id = $1', [
      id,
    ]);
  }

  /** Newest first; `before` is the id of the last one of the page before. */
  async list(
    tenant: string,
    page: { limit: number; before?: string; job?: string; state?: DeliveryState },
  ): Promise<DeliveryRecord[]> {
    const { rows } = await this.pool.query<DeliveryRow>(
      `select * from tessera.webhook_delivery where tenant = $1
         and ($3::text is null or (created_at, id) < (select created_at, id from tessera.webhook_delivery where tenant = $1 and id = $3))
         and ($4::text is null or job = $4) and ($5::text is null or state = $5)
       order by created_at desc, id desc limit $2`,
      [tenant, page.limit, page.before ?? null, page.job ?? null, page.state ?? null],
    );
    return rows.map(toDelivery);
  }

  async get(tenant: string, id: string): Promise<DeliveryRecord | undefined> {
    const { rows } = await this.pool.query<DeliveryRow>(
      'select * from tessera.webhook_delivery where tenant = $1 and id = $2',
      [tenant, id],
    );
    return rows[0] && toDelivery(rows[0]);
  }

  /** Due at once, with all its attempts before it again. Undefined when its job has not ended, or there is none. */
  async redeliver(tenant: string, id: string): Promise<DeliveryRecord | undefined> {
    const { rows } = await this.pool.query<DeliveryRow>(
      `update tessera.webhook_delivery set state = 'pending', tries = 0, next_at = now()
       where tenant = $1 and id = $2 and body is not null returning *`,
      [tenant, id],
    );
    return rows[0] && toDelivery(rows[0]);
  }
}
