import { TesseraError, type SequencePart } from '#contracts';
import type { EmbeddingTable, Tokenizer } from '#runtime';
import type { Piece } from '../pool/content-address.js';

/** A prefix, segment or question as the decoder reads it. */
export interface TokenRun {
  /** What its content address is made from. */
  pieces: Piece[];
  tokens: number;
  /** Its text tokens, in order. */
  ids: number[];
  /** Writes [tokens, hidden] embeddings. */
  embed(): Float32Array;
}

/** @throws TesseraError `invalid_request` when embeddings have another width than the model */
export function tokenise(parts: readonly SequencePart[], tokenizer: Tokenizer, table: EmbeddingTable): TokenRun {
  const pieces: Piece[] = [];
  const rows: (readonly number[] | Float32Array)[] = [];
  let tokens = 0;
  for (const part of parts) {
    if (part.type === 'text') {
      const ids = tokenizer.encode(part.text, { special: part.special ?? false });
      if (ids.length === 0) continue;
      const last = pieces.at(-1);
      // Text that is only cut differently is the same text: adjacent ids make one piece.
      if (last?.type === 'tokens') (last.ids as number[]).push(...ids);
      else pieces.push({ type: 'tokens', ids: [...ids] });
      rows.push(ids);
      tokens += ids.length;
    } else {
      if (part.data.length !== part.rows * table.hidden)
        throw new TesseraError(
          'invalid_request',
          `Embeddings of ${part.rows} rows for this model hold ${part.rows * table.hidden} numbers, not ${part.data.length}.`,
        );
      pieces.push({ type: 'embeddings', hash: part.hash, rows: part.rows });
      rows.push(part.data);
      tokens += part.rows;
    }
  }
  return {
    pieces,
    tokens,
    ids: rows.flatMap((row) => (row instanceof Float32Array ? [] : row)),
    embed: () => embed(rows, tokens, table),
  };
}

function embed(
  rows: readonly (readonly number[] | Float32Array)[],
  tokens: number,
  table: EmbeddingTable,
): Float32Array {
  const out = new Float32Array(tokens * table.hidden);
  let at = 0;
  for (const row of rows) {
    if (row instanceof Float32Array) {
      out.set(row, at);
      at += row.length;
      continue;
    }
    for (const id of row) {
      table.row(id, out, at);
      at += table.hidden;
    }
  }
  return out;
}
