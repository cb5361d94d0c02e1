import { createHash } from 'node:crypto';

/** What a run of KV pages was computed from, in order: token ids, or rows that an encoder made, named by their hash. */
export type Piece = { type: 'tokens'; ids: ArrayLike<number> } | { type: 'embeddings'; hash: string; rows: number };

/**
 * Content address of a prefix: sha-256 over the model's id (its weights and graphs) and the prefix's pieces, in hex.
 * Lengths and kinds are part of the digest, so that no two different sequences can share a preimage.
 */
export function prefixAddress(modelId: string, prefix: readonly Piece[]): string {
  return digest(`tessera prefix\0${modelId}`, prefix);
}

/**
 * Content address of a segment: it attends to its prefix and to itself only, so the address covers exactly those.
 *
 * @example
 * const prefix = prefixAddress(model.id, [{ type: 'tokens', ids: prefixIds }]);
 * const address = segmentAddress(prefix, [{ type: 'tokens', ids }, { type: 'embeddings', hash, rows: 16 }]);
 */
export function segmentAddress(prefix: string, segment: readonly Piece[]): string {
  return digest(`tessera segment\0${prefix}`, segment);
}

function digest(label: string, pieces: readonly Piece[]): string {
  const hash = createHash('sha256').update(label);
  for (const piece of pieces) {
    if (piece.type === 'tokens') {
      hash.update(`\0tokens ${piece.ids.length}\0`).update(littleEndian(piece.ids));
    } else {
      hash.update(`\0embeddings ${piece.rows} ${piece.hash.length}\0${piece.hash}`);
    }
  }
  return hash.digest('hex');
}

function littleEndian(ids: ArrayLike<number>): Buffer {
  const bytes = Buffer.allocUnsafe(ids.length * 4);
  for (let i = 0; i < ids.length; i++) bytes.writeUInt32LE(ids[i]!, i * 4);
  return bytes;
}
