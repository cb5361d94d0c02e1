import type { JobResult } from '#contracts';
import { readTimeline } from '../compose/compose.js';
import type { Stage } from '../context.js';
import { finish } from '../see/captions.js';
import { pagesKept } from './pages-kept.js';
import { ALL_THAT_FITS, timelineSequence } from './sequence.js';

type Composed = JobResult<'media.compose'>;

/** Milliseconds with nothing to do after which the process is idle, not between two jobs of a question. */
const IDLE_MS = 300;
/** Timelines that wait at most; of more than these the oldest are given up. */
const MOST_WAITING = 32;
/** Timelines that are known to have been read. */
const MOST_READ = 512;
/** Segments of a long timeline that are asked about first: enough to choose from, and whoever asks before all is read finds choosing ready. */
const OPENING = 8;
/** What a timeline is asked while nobody asks: it chooses pages like any question, so that choosing is ready too. */
const QUESTION = 'What is this about?';

/**
 * Reads timelines into the decoder's pages while there is nothing else to do: the first question about the whole of a medium
 * then costs as little as the second. Whatever comes in interrupts it; what was read until then stays read.
 */
export class ReadAhead {
  private readonly waiting = new Map<string, Composed>();
  private readonly read = new Set<string>();
  private working = 0;
  private closed = false;
  private idle: NodeJS.Timeout | undefined;
  private reading: { done: Promise<void>; stop: AbortController } | undefined;

  constructor(
    private readonly stage: Stage,
    private readonly idleMs = IDLE_MS,
  ) {}

  /** A timeline that may be asked about. */
  add(composed: Composed): void {
    const { medium, segments, count } = composed;
    // A picture and a single segment are no work. Another engine keeps pages, or does not, as it likes.
    if (medium.kind === 'image' || count < 2 || this.stage.models.writer !== this.stage.models.pack.id) return;
    if (this.read.has(segments)) return;
    this.waiting.delete(segments);
    this.waiting.set(segments, composed);
    for (const oldest of [...this.waiting.keys()].slice(0, -MOST_WAITING)) this.waiting.delete(oldest);
  }

  /** Work that comes first. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.working++;
    this.pause();
    try {
      return await work();
    } finally {
      this.working--;
      this.wait();
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    this.pause();
    await this.reading?.done;
  }

  private pause(): void {
    clearTimeout(this.idle);
    this.reading?.stop.abort();
  }

  private wait(): void {
    if (this.closed || this.working > 0 || this.reading || this.waiting.size === 0) return;
    clearTimeout(this.idle);
    this.idle = setTimeout(() => this.start(), this.idleMs);
    this.idle.unref();
  }

  private start(): void {
    // The newest is what is asked about next.
    const composed = [...this.waiting.values()].at(-1);
    if (!composed) return;
    const stop = new AbortController();
    const done = this.readWhole(composed, stop.signal).then(
      () => true,
      // What cannot be read ahead is read, or refused, when it is asked about.
      () => !stop.signal.aborted,
    );
    this.reading = {
      stop,
      done: done.then((over) => {
        this.reading = undefined;
        if (over) this.remember(composed.segments);
        this.wait();
      }),
    };
  }

  private async readWhole({ medium, segments }: Composed, signal: AbortSignal): Promise<void> {
    const { models } = this.stage;
    const [prompts, timeline, decoder] = await Promise.all([
      models.prompts(),
      readTimeline(this.stage, segments),
      models.decoder(),
    ]);
    const { prefix, segments: all, question } = timelineSequence(prompts, timeline, QUESTION);
    const bytes = pagesKept([medium]);
    const request = {
      prefix,
      question,
      sampling: { maxTokens: 1 },
      priority: 'batch' as const,
      enoughTokens: ALL_THAT_FITS,
      ...(bytes === Infinity ? {} : { keepBytes: bytes }),
    };
    const parts = all.length > OPENING ? [all.slice(0, OPENING), all] : [all];
    for (const segments of parts) await finish(decoder.generate({ ...request, segments }, signal));
  }

  private remember(segments: string): void {
    this.waiting.delete(segments);
    this.read.add(segments);
    for (const oldest of [...this.read].slice(0, -MOST_READ)) this.read.delete(oldest);
  }
}
