import { createHash } from 'node:crypto';
import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { TesseraError } from '#contracts';
import { writeNewFile } from '../new-file.js';
import { formatSize } from '../size.js';
import { isPublicAddress } from './address.js';
import { checkUrl, hostOf, type UrlRules } from './rules.js';

export interface FetchOptions extends UrlRules {
  maxBytes: number;
  /** For the whole exchange, redirects and body included. Default 60 s. */
  timeoutMs?: number;
  /** Default 5. */
  maxRedirects?: number;
  signal?: AbortSignal;
  /** Stream the body to this file (which must not exist) in place of memory; removed again on failure. */
  toFile?: string;
  /** Beginnings of content types that are accepted; absent: any. */
  types?: readonly string[];
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** Resolve with the response whatever its status. */
  anyStatus?: boolean;
  /** How names become addresses; for tests. */
  resolve?: (host: string) => Promise<LookupAddress[]>;
}

export interface Fetched {
  status: number;
  headers: IncomingHttpHeaders;
  /** After redirects, without its fragment. */
  url: string;
  contentType: string;
  bytes: number;
  sha256: string;
  /** Empty when the body went to a file. */
  body: Buffer;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const resolveAll = (host: string) => promisify(dnsLookup)(host, { all: true, verbatim: true });

/** DNS look-ups cannot be aborted; the wait for them can. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** The addresses of a host, all of them checked. They are pinned: the connection uses these and never asks DNS again. */
async function pinAddresses(url: URL, options: FetchOptions): Promise<LookupAddress[]> {
  const host = hostOf(url);
  const family = isIP(host);
  let addresses: LookupAddress[];
  try {
    addresses = family ? [{ address: host, family }] : await (options.resolve ?? resolveAll)(host);
  } catch (error) {
    throw new TesseraError('url_unreachable', `The host ${host} was not found.`, { cause: error });
  }
  if (addresses.length === 0) throw new TesseraError('url_unreachable', `The host ${host} has no address.`);
  if (!options.allowPrivate && addresses.some(({ address }) => !isPublicAddress(address)))
    throw new TesseraError(
      'url_not_allowed',
      `The URL is not allowed: ${host} leads to an address that is not public.`,
    );
  return addresses;
}

function send(
  url: URL,
  addresses: LookupAddress[],
  options: FetchOptions,
  signal: AbortSignal,
  redirected: boolean,
): Promise<IncomingMessage> {
  const [first] = addresses as [LookupAddress];
  const lookup: LookupFunction = (_host, { all }, done) =>
    all ? done(null, addresses) : done(null, first.address, first.family);
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const body = redirected ? undefined : options.body;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: redirected ? 'GET' : (options.method ?? 'GET'),
      // A fresh connection per hop: a pooled one could belong to an address that was pinned for another name.
      agent: false,
      lookup,
      signal,
      headers: {
        'user-agent': 'tessera',
        accept: '*/*',
        'accept-encoding': 'identity',
        ...(redirected ? {} : options.headers),
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
      },
    });
    outgoing.once('response', resolve).once('error', reject).end(body);
  });
}

async function readBody(response: IncomingMessage, options: FetchOptions, signal: AbortSignal) {
  const hash = createHash('sha256');
  const chunks: Buffer[] = [];
  let bytes = 0;
  const tooLarge = () =>
    new TesseraError('file_too_large', `The download is larger than ${formatSize(options.maxBytes)}.`);
  if (Number(response.headers['content-length'] ?? 0) > options.maxBytes) throw tooLarge();
  async function* counted(source: AsyncIterable<Uint8Array>) {
    for await (const chunk of source) {
      bytes += chunk.length;
      if (bytes > options.maxBytes) throw tooLarge();
      hash.update(chunk);
      yield chunk;
    }
  }
  const memory = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  if (options.toFile) await writeNewFile(options.toFile, response, counted, { signal });
  else await pipeline(response, counted, memory, { signal });
  return { bytes, sha256: hash.digest('hex'), body: Buffer.concat(chunks) };
}

async function follow(text: string, options: FetchOptions, signal: AbortSignal): Promise<Fetched> {
  const maxRedirects = options.maxRedirects ?? 5;
  let next = text;
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const url = checkUrl(next, options);
    const response = await send(url, await orAborted(pinAddresses(url, options), signal), options, signal, hop > 0);
    const status = response.statusCode ?? 0;
    const location = response.headers.location;
    if (REDIRECTS.has(status) && location) {
      response.destroy();
      if (!URL.canParse(location, url.href))
        throw new TesseraError('url_not_allowed', 'The URL redirects to something that is not a URL.');
      next = new URL(location, url).href;
      continue;
    }
    const contentType = (response.headers['content-type'] ?? '').toLowerCase();
    try {
      if (!options.anyStatus && (status < 200 || status >= 300))
        throw new TesseraError('url_unreachable', `${url.host} answered with status ${status}.`);
      if (options.types && contentType !== '' && !options.types.some((type) => contentType.startsWith(type)))
        throw new TesseraError(
          'unsupported_media',
          `The URL gives ${contentType.split(';')[0]}, which is not accepted here.`,
        );
      const read = await readBody(response, options, signal);
      url.hash = '';
      return { status, headers: response.headers, url: url.href, contentType, ...read };
    } finally {
      response.destroy();
    }
  }
  throw new TesseraError(
    'url_unreachable',
    maxRedirects === 0
      ? 'The URL redirects, which is not followed here.'
      : `The URL redirects more than ${maxRedirects} times.`,
  );
}

/**
 * Fetches a URL that somebody else chose. Schemes and ports go by list; DNS is asked once per hop and the connection is pinned
 * to the addresses that were checked; every redirect is checked again; bytes, time and types are capped.
 * Throws `url_not_allowed`, `url_unreachable`, `file_too_large`, `unsupported_media` or `cancelled`.
 */
export async function safeFetch(url: string, options: FetchOptions): Promise<Fetched> {
  const timeoutMs = options.timeoutMs ?? 60_000;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  try {
    return await follow(url, options, signal);
  } catch (error) {
    if (options.signal?.aborted) throw new TesseraError('cancelled', 'The download was cancelled.', { cause: error });
    if (timeout.aborted)
      throw new TesseraError('url_unreachable', `The download took longer than ${timeoutMs / 1000} s.`, {
        cause: error,
      });
    if (error instanceof TesseraError) throw error;
    throw new TesseraError(
      'url_unreachable',
      `The URL could not be fetched (${(error as NodeJS.ErrnoException).code ?? 'connection failed'}).`,
      {
        cause: error,
      },
    );
  }
}
