import { createHash } from 'node:crypto';
import type { DecodeRequest } from '#contracts';

/**
 * The content address of most of what a request is about: its pages are there where it was asked about before. Undefined for one
 * without material.
 */
export function materialOf({ segments }: Pick<DecodeRequest, 'segments'>): string | undefined {
  const shares = new Map<string, number>();
  for (const { span } of segments) shares.set(span.mediumId, (shares.get(span.mediumId) ?? 0) + 1);
  const [most] = [...shares].sort(([, a], [, b]) => b - a);
  return most?.[0];
}

/**
 * Nodes in the order in which they are to be asked for a key, by highest random weight (Thaler and Ravishankar, 1998): every caller finds
 * the same order without talking to the others, and when a node leaves only its own keys move.
 */
export function rendezvous<Node extends { name: string }>(nodes: readonly Node[], key: string): Node[] {
  const weight = ({ name }: Node): string => createHash('sha256').update(`${name}\n${key}`).digest('hex');
  return nodes
    .map((node) => ({ node, weight: weight(node) }))
    .sort((a, b) => (a.weight < b.weight ? 1 : -1))
    .map(({ node }) => node);
}
