import { wireDescription, type DescribeResult } from '#contracts';
import { describeTree } from '#jobs';
import type { Tessera } from '#pipeline';
import { sourceOf } from '../inputs.js';
import { inOrder } from '../in-order.js';
import { failedInput, out, outJson } from '../output/print.js';
import { Progress } from '../output/progress.js';

export interface DescribeOptions {
  json?: boolean;
  prompt?: string;
}

/** Inputs in work at once: enough to keep encoder and decoder both busy, few enough to answer the first one early. */
const WINDOW = 6;

/** Describes every input in one process; results come in the order of the inputs. Resolves to the exit status. */
export async function describe(tessera: Tessera, inputs: string[], options: DescribeOptions): Promise<number> {
  const progress = new Progress();
  const json = options.json ?? false;
  let status = 0;
  let done = 0;
  for await (const { item: input, value, error } of inOrder(inputs, WINDOW, (each) =>
    describeOne(tessera, each, options),
  )) {
    progress.clear();
    if (value === undefined) {
      failedInput(input, error, json);
      status = 1;
    } else if (json) outJson(value);
    else out(inputs.length > 1 ? `${input}: ${value.description}` : value.description);
    progress.update('describing', ++done / inputs.length, `${done}/${inputs.length}`);
  }
  progress.clear();
  return status;
}

async function describeOne(tessera: Tessera, input: string, { prompt }: DescribeOptions): Promise<DescribeResult> {
  const started = performance.now();
  const source = await sourceOf(input);
  const id = await tessera.jobs.submit(describeTree(source, { instruction: prompt }));
  const answer = await tessera.jobs.result<'answer'>(id);
  return wireDescription(input, answer, performance.now() - started);
}
