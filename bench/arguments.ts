import { parseArgs } from 'node:util';
import { Detail, TesseraError } from '#contracts';

export interface EvalArguments {
  /** Folder of the evaluation data. */
  data: string;
  /** Evaluate only the first so many items; all when absent. */
  limit: number | undefined;
  rest: Record<string, string | boolean | undefined>;
}

/** `--data FOLDER --limit N` and the flags that a measurement names itself. */
export function evalArguments(
  args: string[],
  flags: Record<string, { type: 'string' | 'boolean' }> = {},
): EvalArguments {
  const { values } = parseArgs({
    args,
    allowPositionals: true,
    options: { data: { type: 'string', default: '../shared/data' }, limit: { type: 'string' }, ...flags },
  });
  const { data, limit, ...rest } = values;
  return {
    data: String(data),
    limit: limit === undefined ? undefined : Number(limit),
    rest: rest as EvalArguments['rest'],
  };
}

/** `--detail`, of measurements that look at pictures. @throws TesseraError invalid_request */
export function detailArgument({ detail }: EvalArguments['rest']): Detail | undefined {
  if (detail === undefined) return undefined;
  const { data } = Detail.safeParse(detail);
  if (data) return data;
  throw new TesseraError('invalid_request', `--detail is one of ${Detail.options.join(', ')}.`);
}
