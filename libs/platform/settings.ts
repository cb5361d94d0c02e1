import { isIP } from 'node:net';
import { z } from 'zod';
import { formatSize, parseSize } from './size.js';

const size = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text, ctx) => {
      const bytes = parseSize(text);
      if (bytes !== undefined && bytes > 0) return bytes;
      ctx.addIssue({ code: 'custom', message: `"${text}" is not a size; write for example 4GiB, 500MB or 1048576` });
      return z.NEVER;
    });

/** A size that may be 0, which limits nothing. */
const sizeOrNone = () =>
  z
    .string()
    .default('0')
    .transform((text, ctx) => {
      const bytes = parseSize(text);
      if (bytes !== undefined) return bytes;
      ctx.addIssue({ code: 'custom', message: `"${text}" is not a size; write for example 4GiB, or 0` });
      return z.NEVER;
    });

const number = (min: number, max: number) =>
  z.coerce.number<string>({ error: 'is not a number' }).int().min(min).max(max);

const whole = (fallback: number, min = 1, max = Number.MAX_SAFE_INTEGER) => number(min, max).default(fallback);

const flag = (fallback: 'true' | 'false' = 'false') =>
  z
    .enum(['true', 'false', '1', '0'], { error: 'is true or false' })
    .default(fallback)
    .transform((value) => value === 'true' || value === '1');

const list = (fallback = '') =>
  z
    .string()
    .default(fallback)
    .transform((text) => text.split(/[\s,]+/).filter(Boolean));

const url = (...schemes: string[]) =>
  z
    .string()
    .optional()
    .refine((text) => text === undefined || (URL.canParse(text) && schemes.includes(new URL(text).protocol)), {
      error: `is not a URL of ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`,
    });

const decoders = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((each) => each.trim())
      .filter(Boolean)
      .join(','),
  )
  .optional()
  .refine((text) => text === undefined || areDecoders(text.split(',')), {
    error: 'is neither URLs of grpc:// or grpcs:// with commas between nor one of http:// or https://',
    abort: true,
  })
  .refine((text) => text === undefined || !text.split(',').some(hasCredentials), {
    error: 'holds a user name or password, which nothing sends; the key goes into TESSERA_DECODER_KEY',
  });

/** How many proxies a request comes through, or where they are. */
const proxies = z
  .string()
  .default('false')
  .transform((text, ctx): false | number | string[] => {
    if (text === 'false' || text === '0') return false;
    if (text === 'true') return 1;
    if (/^\d{1,3}$/.test(text)) return Number(text);
    const networks = text.split(/[\s,]+/).filter(Boolean);
    if (networks.length > 0 && networks.every(isNetwork)) return networks;
    ctx.addIssue({ code: 'custom', message: 'is true, false, a number of proxies, or their addresses and networks' });
    return z.NEVER;
  });

function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const kind = isIP(address);
  if (kind === 0 || rest.length > 0 || address.includes('%')) return false;
  return bits === undefined || (/^[1-9]\d*$/.test(bits) && Number(bits) <= (kind === 4 ? 32 : 128));
}

function areDecoders(urls: readonly string[]): boolean {
  const are = (...schemes: string[]) =>
    urls.every((each) => URL.canParse(each) && schemes.includes(new URL(each).protocol));
  return are('grpc:', 'grpcs:') || (urls.length === 1 && are('http:', 'https:'));
}

function hasCredentials(url: string): boolean {
  const { username, password } = new URL(url);
  return username !== '' || password !== '';
}

/** https://github.com/standard-webhooks/standard-webhooks: 24 to 64 random bytes; base64 that Buffer would not read in full is refused. */
function isWebhookSecret(text: string): boolean {
  const [, base64 = ''] = /^whsec_([A-Za-z0-9+/]+=*)$/.exec(text) ?? [];
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length >= 24 && bytes.length <= 64 && bytes.toString('base64') === base64;
}

/** Every environment variable of Tessera: its form, its default and what it is for. docs/operations.md is made from it. */
export const SETTINGS = {
  TESSERA_DATA_DIR: z
    .string()
    .min(1)
    .optional()
    .describe('Records, queue and blobs. Default: tessera under the XDG data folder.'),
  TESSERA_CACHE_DIR: z
    .string()
    .min(1)
    .optional()
    .describe('Models and built graphs. Default: tessera under the XDG cache folder.'),
  TESSERA_LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('What is written to stderr.'),

  TESSERA_HOST: z.string().min(1).default('127.0.0.1').describe('Address the HTTP server listens on.'),
  TESSERA_PORT: whole(8080, 0, 65535).describe('Port the HTTP server listens on; 0 picks a free one.'),
  TESSERA_GRPC_PORT: number(0, 65535)
    .optional()
    .describe('Port of gRPC; 0 picks a free one. Default: none for api and serve, 50051 for decoder.'),
  TESSERA_CORS_ORIGINS: list().describe('Origins that browsers may call from; empty: none.'),
  TESSERA_TRUST_PROXY: proxies.describe(
    'Read the client address from X-Forwarded-For: true (one proxy), how many proxies, or the addresses and networks of all of them.',
  ),
  TESSERA_AUTH: flag().describe('Ask every request for an API key (tessera keys create).'),
  TESSERA_RATE_LIMIT: whole(0, 0).describe(
    'Requests for work a minute per key or address, counted by each edge for itself; 0: no limit.',
  ),
  TESSERA_MAX_WAITING: whole(1000).describe('Requests that may wait in the queue before new ones are answered 503.'),
  TESSERA_MAX_JOBS_PER_KEY: whole(100).describe(
    'Unfinished requests of a tenant, and unfinished batches, before new ones are answered 429.',
  ),
  TESSERA_DRAIN: whole(30, 0).describe('Seconds that running work gets to finish after SIGTERM.'),

  TESSERA_DATABASE_URL: url('postgres:', 'postgresql:').describe(
    'PostgreSQL 14 or later. Default: an embedded one in the data folder.',
  ),
  TESSERA_QUEUE_URL: url('redis:', 'rediss:').describe(
    'Redis 6.2 or later for the queue. Default: the queue is in PostgreSQL.',
  ),
  TESSERA_BLOBS_URL: url('s3:').describe(
    'S3 bucket for media and what is made of them: s3://BUCKET/PREFIX?endpoint=URL&region=NAME. Default: a folder.',
  ),
  TESSERA_BLOBS_CACHE: size('2GiB').describe('Disk for copies of blobs that are in S3, while they are worked on.'),
  TESSERA_CPU_JOBS: whole(2).describe('Media jobs that run at once in one worker.'),
  TESSERA_ANSWER_JOBS: whole(8).describe('Answers that the decoder works on at once.'),
  TESSERA_RESULT_TTL: whole(86400).describe('Seconds that the result of a finished request is kept.'),

  TESSERA_MAX_FILE: size('2GiB').describe('Largest file or download.'),
  TESSERA_MAX_STORED: sizeOrNone().describe('Media and files that one tenant may keep, together; 0: no limit.'),
  TESSERA_MAX_BODY: size('32MiB').describe('Largest JSON body (data URLs count).'),
  TESSERA_MAX_PIXELS: whole(100_000_000).describe('Largest picture in pixels, by its header.'),
  TESSERA_MAX_DURATION: whole(14_400).describe('Longest audio or video in seconds.'),
  TESSERA_MAX_FRAMES: whole(512).describe('Most frames taken from one video.'),
  TESSERA_MAX_PAGES: whole(500).describe('Most pages of a document.'),
  TESSERA_MAX_PARTS: whole(64).describe('Most files or URLs in one request.'),

  TESSERA_ALLOW_PRIVATE_URLS: flag().describe('Fetch from private and loopback addresses, on any port.'),
  TESSERA_URL_DOMAINS: list().describe(
    'Only these domains and their subdomains may be fetched from; empty: any public one.',
  ),
  TESSERA_URL_PORTS: list('80,443,8080,8443')
    .transform((ports) => ports.map(Number))
    .pipe(z.array(z.number({ error: 'is not a list of ports' }).int().min(1).max(65535)))
    .describe('Ports that URLs may name.'),
  TESSERA_URL_TIMEOUT: whole(60).describe('Seconds for one download.'),

  TESSERA_WEBHOOK_SECRET: list()
    .pipe(
      z.array(
        z.string().refine(isWebhookSecret, { error: 'is not whsec_ and the base64 of 24 to 64 bytes, one or several' }),
      ),
    )
    .describe('Signs webhooks: whsec_ and base64 of 24 to 64 bytes, one or more; empty: none go.'),

  TESSERA_PACK: z.string().min(1).default('tessera-nano').describe('Model pack.'),
  TESSERA_HUB_URL: url('http:', 'https:').describe('Model hub of hf: sources, a mirror for example.'),
  TESSERA_HUB_TOKEN: z.string().optional().describe('Access token of the hub, for gated files.'),
  TESSERA_MODEL_ALIASES: list().describe(
    'Other names of the model that clients may send, for example whisper-1,gpt-4o-mini.',
  ),
  TESSERA_THREADS: whole(0, 0, 1024).describe(
    'Threads of each model. 0: one for every core, in the decoder at most 8. Speech uses at most 4 workers.',
  ),
  TESSERA_EXECUTION_PROVIDERS: list('cpu').describe('onnxruntime execution providers in order, for example cuda,cpu.'),
  TESSERA_KV_MEMORY: size('512MiB').describe('Memory for the pages of the decoder.'),
  TESSERA_KV_DISK: size('4GiB').describe('Disk for pages that left memory.'),
  TESSERA_READ_AHEAD: flag('true').describe(
    'Read new media into the pages of the decoder while there is nothing else to do.',
  ),
  TESSERA_DECODER_URL: decoders.describe(
    'Who decodes in place of this process: grpc://HOST:PORT of a decoder, or of several with commas between, or http(s)://HOST/v1 of an OpenAI-compatible engine.',
  ),
  TESSERA_DECODER_KEY: z
    .string()
    .optional()
    .describe('Key of that decoder or engine; a decoder asks its callers for it.'),
  TESSERA_DECODER_MODEL: z.string().optional().describe('Model of that engine. Default: the first that it lists.'),
  // Timers count milliseconds in 31 bits.
  TESSERA_DECODER_TIMEOUT: whole(600, 1, 2_000_000).describe('Seconds for one answer of that decoder or engine.'),
} as const;

export const Settings = z.object(SETTINGS);
export type Settings = z.infer<typeof Settings>;

/** Rows for the table in docs/operations.md. */
export function describeSettings(): { name: string; fallback: string; meaning: string }[] {
  const defaults = Settings.parse({}) as Record<string, unknown>;
  return Object.entries(SETTINGS).map(([name, schema]) => {
    const value = defaults[name];
    const sized = typeof value === 'number' && /_(FILE|BODY|MEMORY|DISK|CACHE)$/.test(name);
    const fallback = Array.isArray(value)
      ? value.join(',')
      : sized
        ? formatSize(value).replace(' ', '')
        : String(value ?? '');
    return { name, fallback, meaning: schema.description ?? '' };
  });
}
