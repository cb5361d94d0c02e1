import { expect, test } from 'vitest';
import type { JobTree } from '#contracts';
import { checkTree, orderChildren, toFlow } from './flow.js';

const source = { type: 'file' as const, path: '/a.png', name: 'a.png' };
const ingest: JobTree = { name: 'media.ingest', payload: { source } };
const tree: JobTree = {
  name: 'media.compose',
  payload: { source },
  children: [
    { name: 'media.see', payload: { options: {} }, children: [ingest] },
    { name: 'media.hear', payload: { options: {} }, children: [ingest] },
  ],
};

test('a checked tree has its defaults filled in', () => {
  expect(checkTree(tree).children?.[1]?.payload).toEqual({
    options: { words: false, channels: 'mix', task: 'transcribe' },
    optional: false,
  });
});

test('a wrong payload anywhere in the tree is named', () => {
  const wrong: JobTree = {
    ...tree,
    children: [{ name: 'media.ingest', payload: { source: { ...source, path: 7 } } } as never],
  };
  expect(() => checkTree(wrong)).toThrow(/payload of media\.ingest is wrong/);
});

test('ids tell the place in the tree, queues the resource', () => {
  const flow = toFlow(checkTree(tree), 'T', 'scope', 'batch');
  const ids = (node: typeof flow): unknown[] => [node.opts?.jobId, ...(node.children ?? []).map(ids)];
  expect(ids(flow)).toEqual(['T', ['T.0', ['T.0.0']], ['T.1', ['T.1.0']]]);
  expect(flow.queueName).toBe('scope-media');
  expect(flow.opts).toMatchObject({ priority: 10, failParentOnFailure: true, removeOnComplete: true });
  expect(flow.data).toMatchObject({ tree: 'T', children: [{ id: 'T.0' }, { id: 'T.1' }] });
});

test('children’s results are put in order; a missing one is an error', () => {
  const children = ['T.0', 'T.1', 'T.10', 'T.2'].map((id) => ({
    id,
    name: 'media.compose' as const,
    queue: 'media' as const,
  }));
  const medium = { id: '0'.repeat(64), kind: 'image', name: 'a', mimeType: 'image/png', bytes: 1 };
  const value = (count: number) => ({ medium, segments: '0'.repeat(64), count });
  const values = { 'q:T.10': value(10), 'q:T.0': value(0), 'bull:q:T.1': value(1), 'q:T.2': value(2) };
  expect(orderChildren(children, values).map(({ result }) => (result as { count: number }).count)).toEqual([
    0, 1, 10, 2,
  ]);
  expect(() => orderChildren(children, {})).toThrow(/missing/);
});
