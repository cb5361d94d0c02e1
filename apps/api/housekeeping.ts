import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { createLogger } from '#platform';
import { deleteDoomed } from './discard.js';
import { Uploads } from './media/uploads.js';
import { PARTS, type ApiParts } from './parts.js';

const EVERY_MS = 10 * 60_000;
/** A request is kept at least as long as its result, which counts from its end. */
const REQUEST_EXTRA_SECONDS = 86_400;

/** From when a blob is announced until something names it are moments; a large upload to a bucket takes minutes. */
const UNNAMED_SECONDS = 3600;

const log = createLogger('housekeeping');

/** Forgets what nobody can ask for any more: requests whose results are gone, media that came with them, abandoned uploads, what died half-way. */
@Injectable()
export class Housekeeping implements OnModuleInit, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(Uploads) private readonly uploads: Uploads,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => void this.run(), EVERY_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  async run(): Promise<void> {
    const { records, config } = this.parts;
    try {
      await deleteDoomed(this.parts, await records.expireMedia());
      await deleteDoomed(this.parts, await records.unnamed.doomOlder(UNNAMED_SECONDS));
      await records.expireRequests(config.queue.resultSeconds + REQUEST_EXTRA_SECONDS);
      await this.uploads.tidy();
    } catch (error) {
      log.warn({ err: error }, 'could not tidy up');
    }
  }
}
