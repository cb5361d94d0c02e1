import { wireAnswer, type AskResult, type Detail, type MediaSource } from '#contracts';
import { askTree, composeTree } from '#jobs';
import type { Tessera } from '#pipeline';
import { Inputs, type Input } from '../folders.js';
import { sourceOf } from '../inputs.js';
import { inOrder } from '../in-order.js';
import { follow } from '../output/follow.js';
import { failedInput, out, outJson, paint, warn } from '../output/print.js';
import { Progress } from '../output/progress.js';

export interface AskOptions {
  json?: boolean;
  selectedTokens?: number;
  detail?: Detail;
  summary?: boolean;
}

/** Asks one question about all inputs together. Inputs that fail are reported; the others are still asked about. */
export async function ask(tessera: Tessera, question: string, named: string[], options: AskOptions): Promise<number> {
  await using inputs = await Inputs.open(named);
  const started = performance.now();
  const json = options.json ?? false;
  const progress = new Progress();
  const sources: MediaSource[] = [];
  let status = 0;
  for await (const { item, value, error } of inOrder(inputs.all, 2, (each) => prepare(tessera, each, progress))) {
    progress.clear();
    if (value) sources.push(value);
    else {
      failedInput(item.name, error, json);
      status = 1;
    }
  }
  if (sources.length === 0) return 1;
  try {
    const { selectedTokens, summary, detail } = options;
    const id = await tessera.jobs.submit(await askTree(question, sources, { selectedTokens, summary, detail }));
    const answer = await follow(tessera, id, 'answer', progress, () => tessera.jobs.result<'answer'>(id));
    progress.clear();
    const result = wireAnswer(question, answer, performance.now() - started);
    if (json) outJson(result);
    else print(result);
  } catch (error) {
    progress.clear();
    failedInput(named.join(' '), error, json);
    status = 1;
  }
  return status;
}

/** Ingests, sees, hears and composes one input, so that a bad file is known before the question is asked. */
async function prepare(tessera: Tessera, { name, packed }: Input, progress: Progress): Promise<MediaSource> {
  const source = await sourceOf(name, packed);
  const id = await tessera.jobs.submit(await composeTree(source));
  await follow(tessera, id, name, progress, () => tessera.jobs.result<'media.compose'>(id));
  return source;
}

function print(result: AskResult): void {
  warn(result.warnings);
  out(result.answer);
  for (const citation of result.citations) {
    const { input, quote } = citation;
    const where = place(citation);
    out(paint('dim', `  ${input}${where}${quote === '' ? '' : `  “${quote}”`}`));
  }
}

type Place = Pick<AskResult['citations'][number], 'start' | 'end' | 'page' | 'line' | 'file'>;

/** Where a citation points to, after the name of its input. */
export function place({ start, end, page, line, file }: Place): string {
  const inFile = file === undefined ? '' : `/${file}`;
  if (page !== null) return ` page ${page}`;
  if (start !== null) return ` ${clock(start)}–${clock(end ?? start)}`;
  return line === undefined ? inFile : `${inFile}:${line}`;
}

/** m:ss.s, or h:mm:ss.s from one hour on. */
function clock(at: number): string {
  const tenths = Math.round(at * 10);
  const [hours, minutes] = [Math.floor(tenths / 36_000), Math.floor(tenths / 600) % 60];
  const seconds = ((tenths % 600) / 10).toFixed(1).padStart(4, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}` : `${minutes}:${seconds}`;
}
