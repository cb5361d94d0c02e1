import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TesseraError, type JobName, type JobResult, type JobTree } from '#contracts';
import type { Priority } from '#jobs';
import type { RequestKind, RequestRecord } from '#storage';
import { disconnected } from './http/disconnect.js';
import { Callers } from './identity/callers.js';
import { identityOf } from './identity/identity.js';
import { PARTS, type ApiParts } from './parts.js';
import { WebhookSender } from './webhooks/sender.js';
import { jobUrlOf, targetOf, WEBHOOK_HEADER } from './webhooks/target.js';

/** How long the first use of an idempotency key may take to the queue: far longer than it does. */
const ON_ITS_WAY_MS = 60_000;

export interface Submission {
  kind: RequestKind;
  tree: JobTree;
  /** What the answer's form depends on; given back to the shape of its kind when the result is asked for later. */
  options?: Record<string, unknown>;
  priority?: Priority;
}

const fingerprintOf = ({ kind, tree, options = {} }: Submission, webhook: string | undefined) =>
  createHash('sha256')
    .update(JSON.stringify([kind, tree, options, ...(webhook ? [webhook] : [])]))
    .digest('hex');

/** @throws TesseraError when it is longer than may be */
export function requireKey(key: string | undefined): void {
  if (key !== undefined && key.length > 255)
    throw new TesseraError('invalid_request', 'Idempotency-Key: is longer than 255 characters', {
      param: 'Idempotency-Key',
    });
}

/** Turns requests into jobs, and remembers whose they are. */
@Injectable()
export class Requests {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(WebhookSender) private readonly webhooks: WebhookSender,
    @Inject(Callers) private readonly callers: Callers,
  ) {}

  /**
   * Queues the work of a request. With an `Idempotency-Key` that this tenant has used before, the first job is the answer; the
   * same key for other work is a `conflict`. Throws `overloaded` when too much is waiting.
   * @param part number of this work among those of one request, each of which has a job of its own
   */
  async submit(request: FastifyRequest, submission: Submission, part?: number): Promise<string> {
    // Other methods are counted by the guard, before their body is read.
    if (request.method === 'GET' || request.method === 'HEAD')
      this.callers.count(identityOf(request).keyId ?? request.ip);
    const { webhook, key } = this.check(request);
    return this.enqueue(identityOf(request).tenant, submission, {
      idempotencyKey: key === undefined || part === undefined ? key : `${key}#${part}`,
      webhook,
      promise: async (job) => {
        if (webhook) await this.promise(request, job, webhook);
      },
    });
  }

  /** What a request asks for beside its body. @throws TesseraError when that cannot be, whatever the body asks for */
  check(request: FastifyRequest): { webhook: string | undefined; key: string | undefined } {
    const webhook = this.webhookOf(request);
    const header = request.headers['idempotency-key'];
    const key = typeof header === 'string' && header !== '' ? header : undefined;
    requireKey(key);
    return { webhook, key };
  }

  /** The same for callers who do not come by HTTP. */
  async enqueue(
    tenant: string,
    submission: Submission,
    {
      idempotencyKey,
      webhook,
      promise,
    }: { idempotencyKey?: string | undefined; webhook?: string | undefined; promise?: (job: string) => Promise<void> },
  ): Promise<string> {
    const fingerprint = fingerprintOf(submission, webhook);
    const { kind, options = {} } = submission;
    const reserved = await this.reserve({ tenant, kind, options, idempotencyKey, fingerprint });
    if (reserved.fingerprint !== fingerprint)
      throw new TesseraError('conflict', 'This Idempotency-Key was used for other work.', { param: 'Idempotency-Key' });
    if (!reserved.created) return this.untilQueued(reserved.id);
    try {
      await this.admit(tenant);
      await promise?.(reserved.id);
      await this.parts.jobs.submit(submission.tree, {
        id: reserved.id,
        priority: submission.priority ?? 'interactive',
        owner: tenant,
      });
    } catch (error) {
      await this.parts.records.deleteRequest(reserved.id);
      throw error;
    }
    if (webhook) this.webhooks.follow(reserved.id);
    return reserved.id;
  }

  /** Writes the request down, or finds the first use of its idempotency key, if something came of that. */
  private async reserve(request: Omit<RequestRecord, 'id' | 'createdAt'>) {
    const { records } = this.parts;
    const reserve = () => records.reserveRequest({ ...request, id: randomUUID() });
    const reserved = await reserve();
    if (reserved.created || !(await this.isForgotten(reserved))) return reserved;
    await records.deleteRequest(reserved.id);
    return reserve();
  }

  /** Whether the job of a request is gone, as its result is after a while, or never came to the queue because its process died. */
  private async isForgotten({ id, createdAt }: RequestRecord): Promise<boolean> {
    if (Date.now() - createdAt.getTime() < ON_ITS_WAY_MS) return false;
    return this.parts.jobs.status(id).then(
      () => false,
      (error: unknown) => {
        if (error instanceof TesseraError && error.code === 'job_not_found') return true;
        throw error;
      },
    );
  }

  /** Who is to be told of the end of what this request starts: work that its client does not wait for. */
  private webhookOf(request: FastifyRequest): string | undefined {
    const webhook = targetOf(request, this.parts.config);
    if (webhook && !this.wantsJob(request))
      throw new TesseraError('invalid_request', `${WEBHOOK_HEADER}: needs Prefer: respond-async`, {
        param: WEBHOOK_HEADER,
      });
    return webhook;
  }

  private async promise(request: FastifyRequest, job: string, url: string): Promise<void> {
    const { tenant } = identityOf(request);
    await this.webhooks.promise({ tenant, job, url, jobUrl: jobUrlOf(request, job) });
  }

  /** The same for a job that was queued and written down by somebody else. */
  async announce(request: FastifyRequest, job: string): Promise<void> {
    const webhook = targetOf(request, this.parts.config);
    if (!webhook) return;
    await this.promise(request, job, webhook);
    this.webhooks.follow(job);
  }

  /** The first use of a key may still be on its way to the queue. */
  private async untilQueued(id: string): Promise<string> {
    for (let tries = 0; tries < 100; tries++) {
      if (await this.parts.jobs.status(id).catch(() => undefined)) return id;
      await sleep(20);
    }
    throw new TesseraError('conflict', 'The first request with this Idempotency-Key was refused; send it again.');
  }

  private async admit(tenant: string): Promise<void> {
    const { maxWaiting, maxJobsPerKey } = this.parts.config.admission;
    const [waiting, mine] = await Promise.all([
      this.parts.jobs.count(['queued']),
      this.parts.jobs.count(['queued', 'running'], tenant),
    ]);
    if (mine >= maxJobsPerKey)
      throw new TesseraError(
        'rate_limited',
        `${mine} requests of yours are not finished; at most ${maxJobsPerKey} may be.`,
      );
    if (waiting >= maxWaiting)
      throw new TesseraError('overloaded', `${waiting} requests are waiting already; try again a little later.`);
  }

  /** The record of a request of this caller. Throws `job_not_found`, also for what belongs to others. */
  own(request: FastifyRequest, id: string): Promise<RequestRecord> {
    return this.ofTenant(identityOf(request).tenant, id);
  }

  async ofTenant(tenant: string, id: string): Promise<RequestRecord> {
    const record = await this.parts.records.getRequest(tenant, id);
    if (!record) throw new TesseraError('job_not_found', `There is no job ${id}; results are kept for a limited time.`);
    return record;
  }

  /**
   * A failed or cancelled request once more, as a new job of its tenant. Throws `job_not_found` or `conflict`, and like every new work
   * `rate_limited` or `overloaded`, unless whoever runs the service asks.
   */
  async runAgain(
    { id, tenant, kind, options, fingerprint }: RequestRecord,
    { unbounded = false } = {},
  ): Promise<string> {
    if (!unbounded) await this.admit(tenant);
    const again = await this.parts.jobs.retry(id, { owner: tenant });
    await this.parts.records.reserveRequest({ id: again, tenant, kind, options, fingerprint });
    return again;
  }

  /**
   * The client has gone, and its job goes with it: unless it has an `Idempotency-Key`, by which whoever lost the connection comes back for the
   * answer.
   */
  async abandon({ request }: FastifyReply, id: string): Promise<void> {
    if (!request.headers['idempotency-key']) await this.parts.jobs.cancel(id).catch(() => undefined);
  }

  /** Waits for a result. When the client goes away first, its job is abandoned. */
  async wait<N extends JobName>(reply: FastifyReply, id: string): Promise<JobResult<N>> {
    const signal = disconnected(reply);
    try {
      return await this.parts.jobs.result<N>(id, { signal });
    } finally {
      if (signal.aborted) await this.abandon(reply, id);
    }
  }

  /** `Prefer: respond-async` (RFC 7240) asks for the job in place of its result. */
  wantsJob(request: FastifyRequest): boolean {
    return /(^|,)\s*respond-async\s*(,|;|$)/i.test(String(request.headers['prefer'] ?? ''));
  }
}
