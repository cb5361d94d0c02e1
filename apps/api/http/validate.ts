import type { PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import { TesseraError } from '#contracts';
import { unfitFor } from './plain-text.js';

/** Names of a path that are told. */
const MAX_PATH = 10;

/** Of what fits none of several forms, what is wrong with the form that it fits furthest: whose fault lies deepest. */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union') return issue;
  const faults = issue.errors.flatMap(([first]) => (first ? [innermost(first)] : []));
  const [deepest] = faults.sort((a, b) => b.path.length - a.path.length);
  return deepest && deepest.path.length > 0 ? { ...deepest, path: [...issue.path, ...deepest.path] } : issue;
}

/** Throws `invalid_request` that names the first wrong field and what is wrong with it. */
export function validate<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const unfit = unfitFor(value);
  const parsed = unfit ? undefined : schema.safeParse(value);
  if (parsed?.success) return parsed.data;
  const issues = unfit ? [unfit] : (parsed?.error.issues.map(innermost) ?? []);
  const [issue] = issues;
  const param = issue?.path.slice(0, MAX_PATH).map(String).join('.') ?? '';
  const others = issues.length - 1;
  const more = others > 0 ? ` (and ${others} more)` : '';
  throw new TesseraError(
    'invalid_request',
    `${param === '' ? 'The request' : param}: ${issue?.message ?? 'is wrong'}${more}`,
    {
      ...(param === '' ? {} : { param }),
    },
  );
}

/** The edge's only way to take a body, a query or a parameter. */
export class ZodPipe<T extends z.ZodType> implements PipeTransform {
  constructor(private readonly schema: T) {}

  transform(value: unknown): z.output<T> {
    return validate(this.schema, value ?? {});
  }
}
