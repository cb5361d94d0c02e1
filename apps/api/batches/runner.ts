import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { createLogger } from '#platform';
import type { BatchRecord } from '#storage';
import { PARTS, type ApiParts } from '../parts.js';
import { BatchRun, type BatchRecords, type Ending } from './run.js';

const LOOK_MS = 5_000;
const RENEW_MS = 2_000;
/** A batch whose process died is taken over after this time. */
const LEASE_SECONDS = 10;
/** Of batches at work, and as many that only have to be ended: these wait for no other. */
const AT_ONCE = 4;

const log = createLogger('batches');

interface Running {
  /** It was cancelled, or its time was over, before this process began with it. */
  over: boolean;
  ending: AbortController;
  done: Promise<void>;
  renew: () => Promise<void>;
}

/** Finds batches that nobody works on, works on some at a time, and gives them back when the process stops. */
@Injectable()
export class BatchRunner implements OnModuleInit, OnModuleDestroy {
  private readonly owner = randomUUID();
  private readonly running = new Map<string, Running>();
  private readonly batches: BatchRecords;
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private wanted = false;
  private closed = false;

  constructor(
    @Inject(PARTS) parts: ApiParts,
    @Inject(BatchRun) private readonly work: BatchRun,
  ) {
    this.batches = parts.records.batches;
  }

  onModuleInit(): void {
    this.timer = setInterval(() => this.wake(), LOOK_MS).unref();
    this.wake();
  }

  /** Looks for work now; `id` is a batch whose status somebody changed. */
  wake(id?: string): void {
    const running = id === undefined ? undefined : this.running.get(id);
    if (running) return void running.renew();
    this.wanted = true;
    this.looking ??= this.look()
      .catch((error: unknown) => log.warn({ err: error }, 'could not look for batches'))
      .finally(() => (this.looking = undefined));
  }

  private async look(): Promise<void> {
    while (this.wanted && !this.closed) {
      this.wanted = false;
      for (const over of [true, false]) await this.take(over);
    }
  }

  private async take(over: boolean): Promise<void> {
    const limit = AT_ONCE - [...this.running.values()].filter((each) => each.over === over).length;
    if (limit <= 0) return;
    for (const batch of await this.batches.claim(this.owner, { limit, over, seconds: LEASE_SECONDS }))
      if (!this.running.has(batch.id)) this.start(batch, over);
  }

  private start(batch: BatchRecord, over: boolean): void {
    const ending = new AbortController();
    const end = (reason: Ending) => ending.abort(reason);
    if (batch.status === 'cancelling') end('cancelled');
    // Also what fails again and again comes to an end.
    else if (batch.expiresAt.getTime() < Date.now()) end('expired');
    const renew = async () => {
      const held = await this.batches.renew(batch.id, this.owner, LEASE_SECONDS);
      if (!held) end('stopped');
      else if (held.status === 'cancelling') end('cancelled');
      else if (held.expired) end('expired');
    };
    const attempt = () => renew().catch((error: unknown) => log.warn({ err: error }, 'could not keep a batch'));
    const timer = setInterval(() => void attempt(), RENEW_MS).unref();
    const done = this.work
      .run(batch, ending.signal)
      .then(() => this.batches.release(batch.id, this.owner))
      // Its lease runs out by itself: what failed is tried again a little later.
      .catch((error: unknown) => log.error({ err: error, batch: batch.id }, 'a batch was interrupted'))
      .finally(() => {
        clearInterval(timer);
        this.running.delete(batch.id);
        if (!this.closed) this.wake();
      });
    this.running.set(batch.id, { over, ending, done, renew: attempt });
    if (this.closed) end('stopped');
  }

  async onModuleDestroy(): Promise<void> {
    this.closed = true;
    clearInterval(this.timer);
    await this.looking;
    for (const { ending } of this.running.values()) ending.abort('stopped' satisfies Ending);
    await Promise.all([...this.running.values()].map(({ done }) => done));
  }
}
