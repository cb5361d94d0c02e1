import type { DecodeEvent } from '#contracts';
import { collectMetrics, counter, gauge } from '#platform';
import type { DecoderStats } from './messages.js';

const running = gauge('tessera_decoder_sequences', 'Sequences that are read or written.');
const kv = gauge('tessera_decoder_kv_bytes', 'Memory of the pages of keys and values.');
const spilled = gauge('tessera_decoder_kv_disk_bytes', 'Disk of the pages that left memory.');
const pages = gauge('tessera_decoder_pages', 'Pages of keys and values, by their state.');
const tokens = counter(
  'tessera_decoder_tokens_total',
  'Tokens of answered requests: read, found among the pages that are kept (of those read), and written.',
);
const seconds = counter('tessera_decoder_seconds_total', 'Time of answered requests, by phase.');

/** `kind="completion"` over `phase="decode"` is tokens a second; `kind="cached"` over `kind="prompt"` the share that was kept. */
export function countAnswer({ usage, timings }: Extract<DecodeEvent, { type: 'done' }>): void {
  tokens.add({ kind: 'prompt' }, usage.promptTokens);
  tokens.add({ kind: 'cached' }, usage.cachedTokens);
  tokens.add({ kind: 'completion' }, usage.completionTokens);
  seconds.add({ phase: 'prefill' }, timings.prefillMs / 1000);
  seconds.add({ phase: 'select' }, timings.selectMs / 1000);
  seconds.add({ phase: 'decode' }, timings.decodeMs / 1000);
}

/** Asks the decoder for its state whenever metrics are read, until the returned function is called. */
export function collectDecoder(stats: () => Promise<DecoderStats>): () => void {
  return collectMetrics(async () => {
    const { running: sequences, kvBytes, spillBytes, pool } = await stats();
    running.set(sequences);
    kv.set(kvBytes);
    spilled.set(spillBytes);
    pages.set(pool.freePages, { state: 'free' });
    pages.set(pool.pinnedPages, { state: 'pinned' });
    pages.set(pool.totalPages - pool.freePages - pool.pinnedPages, { state: 'kept' });
  });
}
