import type { Kernel } from './kernel.js';

/**
 * A kernel that is opened when so many single tokens have been computed without it that it will pay: opening takes a third of a second
 * and as much memory as the weights, which a process that reads films or describes one picture needs for other things.
 */
export class LazyKernel {
  private opening: Promise<void> | undefined;
  private kernel: Kernel | undefined;

  private tokens = 0;
  private broken = false;

  constructor(
    private readonly open: () => Promise<Kernel | undefined>,
    /** Tokens before it is opened; with 0 the first waits for it. */
    private readonly after: number,
    private readonly warn: (message: string) => void = () => undefined,
  ) {}

  /** The kernel for one token, once it is there. */
  async take(): Promise<Kernel | undefined> {
    if (this.kernel || this.broken) return this.kernel;
    if (this.tokens++ < this.after) return undefined;
    this.opening ??= this.open().then(
      (kernel) => {
        this.kernel = kernel;
      },
      (error: unknown) => this.giveUp(error),
    );
    if (this.after === 0) await this.opening;
    return this.kernel;
  }

  /** From now on there is none, as when memory does not suffice or a thread has died. */
  giveUp(error: unknown): void {
    this.warn(`The decoder's kernel is given up, its graph goes on: ${String(error)}`);
    this.broken = true;
    this.kernel?.dispose().catch(() => undefined);
    this.kernel = undefined;
  }

  async dispose(): Promise<void> {
    await this.opening;
    await this.kernel?.dispose();
  }
}
