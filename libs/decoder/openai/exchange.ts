import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { TesseraError } from '#contracts';
import type { RemoteOptions } from '../remote/language-model.js';

/** An engine takes its time for an answer, but none for the connection. */
const CONNECT_MS = 10_000;
/** Routers forget a connection on which nothing is said while the engine reads a long prompt. */
const KEEP_ALIVE_MS = 30_000;

/** One request to an engine and the reading of what comes back, within the time of TESSERA_DECODER_TIMEOUT. */
export class Exchange {
  private readonly stopped = new AbortController();
  private readonly deadline: AbortSignal;
  private readonly signal: AbortSignal;

  constructor(
    private readonly options: Pick<RemoteOptions, 'url' | 'key' | 'timeoutMs'>,
    private readonly caller?: AbortSignal,
  ) {
    this.deadline = AbortSignal.timeout(options.timeoutMs);
    this.signal = AbortSignal.any([this.stopped.signal, this.deadline, ...(caller ? [caller] : [])]);
  }

  /**
   * Resolves with the head of the response. Not by `fetch`, which gives up after five minutes without a byte: an engine may read a long
   * prompt for longer. A connection of its own: one that was kept may be closed by the engine at the moment when it is used.
   */
  send(path: string, body?: string): Promise<IncomingMessage> {
    const { url, key } = this.options;
    const request = url.startsWith('https:') ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const outgoing = request(`${url.replace(/\/+$/, '')}/${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) },
        agent: false,
        signal: this.signal,
      });
      const late = setTimeout(() => outgoing.destroy(new Error('No connection was made.')), CONNECT_MS);
      outgoing.once('socket', (socket) => socket.once('connect', () => clearTimeout(late)));
      outgoing.once('close', () => clearTimeout(late));
      outgoing.setSocketKeepAlive(true, KEEP_ALIVE_MS);
      outgoing.once('response', resolve).on('error', reject).end(body);
    });
  }

  /** What an error of this exchange means. The host alone is named: what else is in the URL is none of the clients' business. */
  failure(error: unknown): TesseraError {
    if (error instanceof TesseraError) return error;
    const { url, timeoutMs } = this.options;
    const engine = `The engine at ${new URL(url).host}`;
    const options = { cause: error };
    if (this.caller?.aborted) return new TesseraError('cancelled', 'The work was cancelled.', options);
    if (this.deadline.aborted)
      return new TesseraError('timeout', `${engine} took longer than ${timeoutMs / 1000} s.`, options);
    return new TesseraError('decoder_failed', `${engine} cannot be reached.`, options);
  }

  /** Ends the exchange, and with it the engine's work. */
  stop(): void {
    this.stopped.abort();
  }
}
