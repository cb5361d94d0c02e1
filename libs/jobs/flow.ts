import type { FlowJob } from 'bullmq';
import { z } from 'zod';
import { JOBS, TesseraError, type JobName, type JobTree } from '#contracts';
import type { TraceCarrier } from '#platform';
import { bullOptions, JOB_OPTIONS, type Priority, type QueueName } from './options.js';

/** What a BullMQ job of ours holds. */
export interface JobData {
  /** Id of the tree. */
  tree: string;
  payload: unknown;
  /** The trace that it is a part of. */
  trace?: TraceCarrier;
  /** Ids and names of the children in the order in which they were submitted. */
  children: { id: string; name: JobName; queue: QueueName }[];
}

/** BullMQ names of our queues; a scope keeps processes that must not take each other's jobs apart. */
export const queueName = (scope: string, queue: QueueName) => `${scope}-${queue}`;

/** Checks every payload of a tree against its schema and fills in defaults. Throws `invalid_request` that names the job and field. */
export function checkTree(tree: JobTree): JobTree {
  const definition = JOBS[tree.name] as (typeof JOBS)[JobName] | undefined;
  if (!definition) throw new TesseraError('invalid_request', `There is no job named ${String(tree.name)}.`);
  const payload = definition.payload.safeParse(tree.payload);
  if (!payload.success)
    throw new TesseraError(
      'invalid_request',
      `The payload of ${tree.name} is wrong: ${z.prettifyError(payload.error)}`,
      {
        param: payload.error.issues[0]?.path.join('.'),
      },
    );
  return { name: tree.name, payload: payload.data as never, children: (tree.children ?? []).map(checkTree) };
}

/** A checked tree as a BullMQ flow. The root's id is the tree's; a child's is its parent's and its place: `ID.0.1`. */
export function toFlow(
  tree: JobTree,
  root: string,
  scope: string,
  priority: Priority,
  trace?: TraceCarrier,
  id = root,
): FlowJob {
  const children = tree.children ?? [];
  const childId = (index: number) => `${id}.${index}`;
  const data: JobData = {
    tree: root,
    payload: tree.payload,
    ...(trace ? { trace } : {}),
    children: children.map(({ name }, index) => ({ id: childId(index), name, queue: JOB_OPTIONS[name].queue })),
  };
  return {
    name: tree.name,
    queueName: queueName(scope, JOB_OPTIONS[tree.name].queue),
    data,
    opts: { ...bullOptions(tree.name, priority), jobId: id },
    children: children.map((child, index) => toFlow(child, root, scope, priority, trace, childId(index))),
  };
}

/** The children's results in submit order, from BullMQ's map of `…queue:id` to value. */
export function orderChildren(
  children: JobData['children'],
  values: Record<string, unknown>,
): { name: JobName; result: unknown }[] {
  const byId = new Map(Object.entries(values).map(([key, value]) => [key.slice(key.lastIndexOf(':') + 1), value]));
  return children.map(({ id, name }) => {
    if (!byId.has(id)) throw new TesseraError('internal', `The result of ${name} is missing.`);
    return { name, result: JOBS[name].result.parse(byId.get(id)) };
  });
}
