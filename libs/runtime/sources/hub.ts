import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { setTimeout as pause } from 'node:timers/promises';
import { TesseraError } from '#contracts';
import { fillFile } from '#platform';
import type { Download } from './download.js';
import type { Source } from './source.js';
import { isStorageFailure } from './storage-failure.js';

const ATTEMPTS = 4;
/** A connection that sends nothing for this long is given up. */
const STALL_MS = 30_000;

export const DEFAULT_HUB = 'https://huggingface.co';

/**
 * Downloads from a model hub, pinned to a revision (`OWNER/REPO/resolve/REVISION/PATH`). Goes on where an earlier,
 * broken download stopped, by HTTP Range; within one call it tries again with a growing pause.
 *
 * @returns whether the file is made of what several requests gave: they need not have been answered by the same file
 */
export async function downloadFromHub(source: Source & { type: 'hf' }, download: Download): Promise<boolean> {
  const path = [source.revision, ...source.path.split('/')].map(encodeURIComponent).join('/');
  const url = `${download.hub?.url ?? DEFAULT_HUB}/${source.repository}/resolve/${path}`;
  for (let attempt = 1; ; attempt++) {
    try {
      if (attempt > 1) await pause(250 * 2 ** attempt, undefined, { signal: download.signal });
      return await continueDownload(url, download);
    } catch (error) {
      if (download.signal?.aborted)
        throw new TesseraError('cancelled', 'The download was cancelled.', { cause: error });
      if (isStorageFailure(error)) throw error;
      if (error instanceof TesseraError || attempt === ATTEMPTS) throw unreachable(url, error);
    }
  }
}

/** @returns whether it added to what was there */
async function continueDownload(url: string, download: Download): Promise<boolean> {
  const { destination, bytes, signal, onProgress, hub } = download;
  const have = (await stat(destination).catch(() => undefined))?.size ?? 0;
  if (have >= bytes) return true;

  const stall = new AbortController();
  const timer = setTimeout(() => stall.abort(new Error(`nothing came for ${STALL_MS / 1000} s`)), STALL_MS);
  const either = signal ? AbortSignal.any([signal, stall.signal]) : stall.signal;
  try {
    const response = await fetch(url, {
      headers: {
        range: `bytes=${have}-`,
        // The bytes are counted and hashed as the file has them.
        'accept-encoding': 'identity',
        ...(hub?.token ? { authorization: `Bearer ${hub.token}` } : {}),
      },
      signal: either,
    });
    if (!response.ok || !response.body) {
      await response.body?.cancel();
      const answer = `${url} answered ${response.status} ${response.statusText}`.trim();
      const passing = response.status === 429 || response.status >= 500;
      throw passing ? new Error(answer) : new TesseraError('model_source_unreachable', answer);
    }
    const continued = response.status === 206 && have > 0;
    let received = continued ? have : 0;
    async function* counted(source: AsyncIterable<Uint8Array>) {
      for await (const chunk of source) {
        timer.refresh();
        received += chunk.length;
        onProgress?.(Math.min(received, bytes));
        // A server that never stops must not fill the disk; the hash tells the rest.
        if (received > bytes) throw new TesseraError('model_hash_mismatch', `${url} is longer than ${bytes} bytes.`);
        yield chunk;
      }
    }
    const file = createWriteStream(destination, { flags: continued ? 'a' : 'w' });
    // The next attempt asks how long the file is: nothing may still be on its way into it.
    await fillFile(file, Readable.fromWeb(response.body as ReadableStream<Uint8Array>), counted, { signal: either });
    if (received < bytes) throw new Error(`it ended after ${received} of ${bytes} bytes`);
    return continued;
  } finally {
    clearTimeout(timer);
  }
}

function unreachable(url: string, error: unknown): TesseraError {
  if (error instanceof TesseraError) return error;
  // fetch says "fetch failed" and keeps the reason in its cause, which for several addresses has a code alone.
  const { message, cause } = error as Error & { cause?: NodeJS.ErrnoException };
  const reason = cause?.message || cause?.code || message;
  return new TesseraError('model_source_unreachable', `${url} cannot be reached: ${reason}`, { cause: error });
}
