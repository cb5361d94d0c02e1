import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { TesseraError } from '#contracts';
import { counter, createLogger, safeFetch } from '#platform';
import type { DeliveryAttempt, DeliveryRecord, Settlement } from '#storage';
import { PARTS, type ApiParts } from '../parts.js';
import { toEvent } from './event.js';
import { judge, retryAfterOf, type Outcome } from './schedule.js';
import { signedHeaders } from './signature.js';

const TICK_MS = 1_000;
/** A job's end is heard of at once in the process that took its request; after a restart it is found by looking. */
const LOOK_AGAIN_SECONDS = 30;
const TIMEOUT_MS = 15_000;
/** Of an answer only its status counts. */
const MAX_ANSWER_BYTES = 2 ** 20;
const LEASE_SECONDS = 60;
const AT_ONCE = 8;
/** Messages on their way get this long when the process leaves; what is left is sent by the next one. */
const LEAVE_MS = 3_000;

const log = createLogger('webhooks');
const sent = counter('tessera_webhook_attempts_total', 'Messages sent to webhooks, by what the delivery became.');

/** Tells receivers of the ends of jobs: at least once, from whatever process finds a message due first. */
@Injectable()
export class WebhookSender implements OnModuleInit, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private readonly leaving = new AbortController();
  private readonly hearing = new AbortController();
  private readonly underWay = new Set<Promise<void>>();

  constructor(@Inject(PARTS) private readonly parts: ApiParts) {}

  /** Nothing goes unsigned. */
  get sends(): boolean {
    return this.parts.config.webhooks.secrets.length > 0;
  }

  onModuleInit(): void {
    if (this.sends) this.timer = setInterval(() => void this.sendDue(), TICK_MS).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    this.hearing.abort();
    await Promise.race([Promise.all(this.underWay), sleep(LEAVE_MS, undefined, { ref: false })]);
    this.leaving.abort();
    await Promise.all(this.underWay);
  }

  /** Promises a message about the end of a job, whose request is written down. It is kept before the job can begin. */
  async promise(delivery: Pick<DeliveryRecord, 'tenant' | 'job' | 'url' | 'jobUrl'>): Promise<void> {
    await this.parts.records.deliveries.create({ ...delivery, firstCheckSeconds: LOOK_AGAIN_SECONDS });
  }

  /** Sends what was promised about a queued job as soon as it ends. */
  follow(job: string): void {
    const { signal } = this.hearing;
    void this.parts.jobs
      .result(job, { signal })
      .catch(() => undefined)
      .then(() => (signal.aborted ? undefined : this.parts.records.deliveries.wake(job).then(() => this.sendDue())))
      .catch((error: unknown) => log.warn({ err: error, job }, 'the end of a job will be told a little later'));
  }

  /** Takes what is due, as much as may be under way at once. */
  async sendDue(): Promise<void> {
    const free = AT_ONCE - this.underWay.size;
    if (free <= 0 || !this.sends || this.hearing.signal.aborted) return;
    const claiming = this.parts.records.deliveries.claim(free, LEASE_SECONDS).then(
      (due) => due.forEach((delivery) => this.track(this.handle(delivery))),
      (error: unknown) => log.warn({ err: error }, 'webhooks could not be looked up'),
    );
    this.track(claiming);
    await claiming;
  }

  private track(work: Promise<void>): void {
    const tracked = work.finally(() => this.underWay.delete(tracked));
    this.underWay.add(tracked);
  }

  private async handle(delivery: DeliveryRecord): Promise<void> {
    const { deliveries } = this.parts.records;
    try {
      const settlement = await this.process(delivery);
      await (settlement ? deliveries.settle(delivery.id, settlement) : deliveries.release(delivery.id));
    } catch (error) {
      // The lease ends, and somebody tries again.
      log.warn({ err: error, delivery: delivery.id }, 'a webhook could not be handled');
    }
  }

  private async process(delivery: DeliveryRecord): Promise<Settlement | undefined> {
    if (delivery.body !== null) return this.send(delivery, delivery.body);
    const { records, jobs } = this.parts;
    const request = await records.getRequest(delivery.tenant, delivery.job);
    const status = await jobs.status(delivery.job).catch((error: unknown) => {
      if (error instanceof TesseraError && error.code === 'job_not_found') return undefined;
      throw error;
    });
    // Its request was refused by the queue, or nobody looked until its result was gone.
    if (!request || !status) {
      const attempt = { at: new Date().toISOString(), status: null, error: 'The job is not known any more.', ms: 0 };
      return { state: 'failed', attempt };
    }
    const event = toEvent(request, status, delivery.jobUrl);
    if (!event) return { state: 'waiting', pauseSeconds: LOOK_AGAIN_SECONDS };
    const body = JSON.stringify(event);
    // Before it is sent: from now on every attempt has the same bytes, whatever becomes of the job.
    await records.deliveries.write(delivery.id, event.type, body);
    return this.send(delivery, body);
  }

  /** One POST. Undefined: it was cut off because the process leaves, and does not count. */
  private async send(delivery: DeliveryRecord, body: string): Promise<Settlement | undefined> {
    const at = new Date();
    const started = performance.now();
    const tried = await this.post(delivery, body, Math.floor(at.getTime() / 1000));
    if (!tried) return undefined;
    const verdict = judge(tried.outcome, delivery.tries + 1, Math.random());
    sent.add({ state: verdict.state });
    const ms = Math.round(performance.now() - started);
    log.info({ delivery: delivery.id, job: delivery.job, ...tried.said, ms, state: verdict.state }, 'webhook');
    return { ...verdict, attempt: { at: at.toISOString(), ...tried.said, ms } };
  }

  private async post(
    { id, url }: DeliveryRecord,
    body: string,
    timestamp: number,
  ): Promise<{ outcome: Outcome; said: Pick<DeliveryAttempt, 'status' | 'error'> } | undefined> {
    const { urls, webhooks } = this.parts.config;
    try {
      const { status, headers } = await safeFetch(url, {
        ...urls,
        method: 'POST',
        headers: { 'content-type': 'application/json', ...signedHeaders({ id, timestamp, body }, webhooks.secrets) },
        body,
        anyStatus: true,
        maxRedirects: 0,
        maxBytes: MAX_ANSWER_BYTES,
        timeoutMs: TIMEOUT_MS,
        signal: this.leaving.signal,
      });
      const retryAfter = retryAfterOf(headers['retry-after'], Date.now());
      return { outcome: { status, retryAfter }, said: { status, error: null } };
    } catch (error) {
      if (this.leaving.signal.aborted) return undefined;
      const { code, message } = TesseraError.from(error);
      return { outcome: { error: code }, said: { status: null, error: message } };
    }
  }
}
