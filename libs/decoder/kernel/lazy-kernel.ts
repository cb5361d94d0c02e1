import type { ReadRow } from '#runtime';
import type { DraftCosts } from '../speculation/draft-length.js';
import type { StepKernel } from './step-kernel.js';

/**
 * A kernel that is opened when so many tokens have been written without it, of answers that somebody waits for, that it will pay: opening takes a
 * third of a second and as much memory as the weights, which a process that reads films or describes a picture needs for other things.
 */
export class LazyKernel {
  private opening: Promise<void> | undefined;
  private tokens = 0;
  /** Given up, but others read its table of words, or rows that it alone has. */
  private retired: StepKernel | undefined;

  constructor(
    private readonly open: () => Promise<StepKernel | undefined>,
    /** Tokens before it is opened; with 0 it is opened when it is first taken, which waits for it. */
    private readonly after: number,
    private readonly warn: (message: string) => void = () => undefined,
    /** One that is there already. */
    private kernel: StepKernel | undefined = undefined,
  ) {
    if (kernel) this.opening = Promise.resolve();
  }

  /** Whether the next step can have it. */
  get ready(): boolean {
    return this.kernel !== undefined;
  }

  /** What drafts cost, where a kernel is there that checks them. */
  get draftCosts(): DraftCosts | undefined {
    return this.kernel?.draftCosts;
  }

  /** Whether the kernel holds working sets alone. */
  get holdsRows(): boolean {
    return this.kernel?.heldBytes !== undefined;
  }

  /** Bytes of those. */
  get heldBytes(): number {
    return (this.kernel ?? this.retired)?.heldBytes ?? 0;
  }

  /** Rows of the table of words, where a kernel that is there holds it. */
  get embed(): ReadRow | undefined {
    return this.kernel?.embed;
  }

  /** Somebody waits for the next token. */
  count(): void {
    if (++this.tokens > this.after) void this.start();
  }

  /** The kernel, once it is there. */
  async take(): Promise<StepKernel | undefined> {
    if (this.after === 0) await this.start();
    return this.kernel;
  }

  /** From now on there is none, as when memory does not suffice or a thread has died. */
  giveUp(error: unknown): void {
    this.warn(`The decoder's kernel is given up, its graph goes on: ${String(error)}`);
    if (this.kernel?.embed || this.holdsRows) this.retired = this.kernel;
    else this.kernel?.dispose().catch(() => undefined);
    this.kernel = undefined;
  }

  async dispose(): Promise<void> {
    await this.opening;
    await this.kernel?.dispose();
    await this.retired?.dispose();
  }

  private start(): Promise<void> {
    return (this.opening ??= this.open().then(
      (kernel) => {
        this.kernel = kernel;
      },
      (error: unknown) => this.giveUp(error),
    ));
  }
}
