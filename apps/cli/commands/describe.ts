import { wireDescription, type DescribeResult, type Detail } from '#contracts';
import { describeTree } from '#jobs';
import type { Tessera } from '#pipeline';
import { Inputs, type Input } from '../folders.js';
import { sourceOf } from '../inputs.js';
import { inOrder } from '../in-order.js';
import { failedInput, out, outJson, warn } from '../output/print.js';
import { Progress } from '../output/progress.js';

export interface DescribeOptions {
  json?: boolean;
  prompt?: string;
  detail?: Detail;
}

/** Inputs in work at once: enough to keep encoder and decoder both busy, few enough to answer the first one early. */
const WINDOW = 6;

/** Describes every input in one process; results come in the order of the inputs. Resolves to the exit status. */
export async function describe(tessera: Tessera, named: string[], options: DescribeOptions): Promise<number> {
  await using inputs = await Inputs.open(named);
  const progress = new Progress();
  const json = options.json ?? false;
  let status = 0;
  let done = 0;
  for await (const { item, value, error } of inOrder(inputs.all, WINDOW, (each) =>
    describeOne(tessera, each, options),
  )) {
    const input = item.name;
    progress.clear();
    if (value === undefined) {
      failedInput(input, error, json);
      status = 1;
    } else if (json) outJson(value);
    else {
      warn(value.warnings);
      out(inputs.all.length > 1 ? `${input}: ${value.description}` : value.description);
    }
    progress.update('describing', ++done / inputs.all.length, `${done}/${inputs.all.length}`);
  }
  progress.clear();
  return status;
}

async function describeOne(
  tessera: Tessera,
  { name: input, packed }: Input,
  { prompt, detail }: DescribeOptions,
): Promise<DescribeResult> {
  const started = performance.now();
  const source = await sourceOf(input, packed);
  const id = await tessera.jobs.submit(describeTree(source, { instruction: prompt, detail }));
  const answer = await tessera.jobs.result<'answer'>(id);
  return wireDescription(input, answer, performance.now() - started);
}
