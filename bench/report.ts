import { cpus, totalmem } from 'node:os';
import { versions } from 'node:process';

/** The machine and versions that figures were made with; printed with every table. */
export function machine(): Record<string, string> {
  const [cpu] = cpus();
  return {
    cpu: cpu?.model.trim() ?? 'unknown',
    cores: String(cpus().length),
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: versions.node,
    date: new Date().toISOString().slice(0, 10),
  };
}

export type Row = Record<string, string | number>;

/** Prints a table for people on stdout and the same as one JSON line, so that figures can be kept and compared. */
export function report(title: string, rows: Row[], facts: Record<string, unknown> = {}): void {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value: string | number | undefined): string =>
    value === undefined
      ? ''
      : typeof value === 'number' && !Number.isInteger(value)
        ? value.toFixed(Math.abs(value) < 10 ? 2 : 1)
        : String(value);
  const width = (column: string): number => Math.max(column.length, ...rows.map((row) => cell(row[column]).length));
  const line = (values: string[]): string =>
    `| ${values.map((value, i) => value.padEnd(width(columns[i] ?? ''))).join(' | ')} |`;
  const text = [
    `\n## ${title}`,
    Object.entries(machine())
      .map(([key, value]) => `${key}: ${value}`)
      .join(' · '),
    '',
    line(columns),
    `|${columns.map((column) => '-'.repeat(width(column) + 2)).join('|')}|`,
    ...rows.map((row) => line(columns.map((column) => cell(row[column])))),
    '',
    JSON.stringify({ title, rows, facts, machine: machine() }),
    '',
  ].join('\n');
  process.stdout.write(text);
}
