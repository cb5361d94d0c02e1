const WIDTH = 24;
/** Of a terminal that does not say. */
const COLUMNS = 80;
/** A label keeps its end, where the name of a file is. */
const SHORTEST_LABEL = 8;

/** A bar of one line with its label cut from the left, so that the bar always has room. */
export function progressLine(label: string, share: number, detail: string, columns: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * WIDTH);
  const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled);
  const rest = ` ${bar} ${String(Math.round(share * 100)).padStart(3)} % ${detail}`;
  const room = Math.max(SHORTEST_LABEL, columns - rest.length);
  return ((label.length > room ? `…${label.slice(1 - room)}` : label) + rest).slice(0, columns);
}

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
    this.stream.write(`\r\u001b[K${progressLine(label, share, detail, (this.stream.columns || COLUMNS) - 1)}`);
    this.drawn = true;
  }

  clear(): void {
    if (this.drawn) this.stream.write('\r\u001b[K');
    this.drawn = false;
  }
}
