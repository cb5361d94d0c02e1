const KEEP = 25 * 1024;

/** The last 25 KB that a process wrote to stderr. */
export class StderrTail {
  private text = '';

  append(line: string): void {
    this.text = (this.text + line + '\n').slice(-KEEP);
  }

  toString(): string {
    return this.text;
  }

  /** One line for people: the last thing ffmpeg complained about, without addresses of its objects. */
  reason(): string {
    const lines = this.text.split('\n').filter((line) => line.trim() !== '' && !line.includes('Parsed_showinfo'));
    return (lines.at(-1) ?? 'no reason given')
      .replace(/ @ 0x[0-9a-f]+/g, '')
      .replace(/file:\S+/g, '…')
      .slice(0, 300);
  }
}

/** A command line fit for a log: paths keep their last part only, URLs lose their credentials and query. */
export function redact(args: readonly string[]): string {
  return args
    .map((arg) =>
      arg
        .replace(/^(file:)?\/.*\/(?=[^/]+$)/, '…/')
        .replace(/(\w+:\/\/)[^@/]*@/, '$1')
        .replace(/\?.*$/, '?…'),
    )
    .join(' ');
}
