const WIDTH = 24;

/** A progress bar on stderr: drawn on a terminal only, gone when done. */
export class Progress {
  private last = 0;
  private drawn = false;

  constructor(private readonly stream: NodeJS.WriteStream = process.stderr) {}

  /** @param share from 0 to 1 */
  update(label: string, share: number, detail = ''): void {
    if (!this.stream.isTTY) return;
    const now = Date.now();
    if (share < 1 && now - this.last < 80) return;
    this.last = now;
    const filled = Math.round(Math.min(1, Math.max(0, share)) * WIDTH);
    const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled);
    const line = `${label} ${bar} ${String(Math.round(share * 100)).padStart(3)} % ${detail}`;
    this.stream.write(`\r\u001b[K${line.slice(0, Math.max(20, (this.stream.columns ?? 80) - 1))}`);
    this.drawn = true;
  }

  clear(): void {
    if (this.drawn) this.stream.write('\r\u001b[K');
    this.drawn = false;
  }
}
