import { TesseraError, type ErrorBody } from '#contracts';

/** Results go to stdout; a reader that went away (`| head`) is no error. */
export function out(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** One JSON object on one line. */
export function outJson(value: unknown): void {
  out(JSON.stringify(value));
}

/** What people read besides results goes to stderr. */
export function note(text: string): void {
  process.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
}

const codes = { dim: 2, bold: 1, red: 31, green: 32, cyan: 36 } as const;

/** Colour only on a terminal, and never when NO_COLOR is set (https://no-color.org; the terminal's own check honours it). */
export function paint(style: keyof typeof codes, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return stream.isTTY && stream.hasColors() ? `\u001b[${codes[style]}m${text}\u001b[0m` : text;
}

/** One failed input: a JSON line on stdout for programs, a sentence on stderr for people. */
export function failedInput(input: string, error: unknown, json: boolean): void {
  const body: ErrorBody = TesseraError.from(error).toBody();
  if (json) outJson({ input, error: { code: body.code, message: body.message } });
  else note(`${paint('red', 'error', process.stderr)} ${input}: ${body.message} (${body.code})`);
}

/** For people; programs find warnings in the JSON. */
export function warn(warnings: readonly string[] = []): void {
  for (const warning of warnings) note(`warning ${warning}`);
}

/** Seconds with a sensible number of digits. */
export function seconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1000).toFixed(2)} s` : `${(ms / 1000).toFixed(1)} s`;
}
