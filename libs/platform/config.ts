import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { TesseraError } from '#contracts';
import { Settings, SETTINGS } from './settings.js';

/** Where XDG wants a kind of data: https://specifications.freedesktop.org/basedir-spec */
function xdg(env: NodeJS.ProcessEnv, variable: string, ...fallback: string[]): string {
  const base = env[variable];
  return join(base && base.startsWith('/') ? base : join(env['HOME'] || homedir(), ...fallback), 'tessera');
}

/** By these glibc's malloc is set from outside: who does has a reason. */
const MALLOC_VARIABLES = ['MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_', 'MALLOC_TOP_PAD_', 'MALLOC_MMAP_MAX_', 'GLIBC_TUNABLES']; // prettier-ignore

function faultsOf(env: NodeJS.ProcessEnv): { faults: string[]; settings: Settings | undefined } {
  const given = Object.fromEntries(
    Object.entries(env).filter(([name, value]) => name.startsWith('TESSERA_') && value !== ''),
  );
  const unknown = Object.keys(given).filter((name) => !(name in SETTINGS));
  const parsed = Settings.safeParse(given);
  const faults = [
    ...unknown.map((name) => `${name}: no such setting`),
    ...(parsed.error?.issues ?? []).map((issue) => `${issue.path.join('.')}: ${issue.message}`),
  ];
  return { faults, settings: parsed.data };
}

/**
 * The whole configuration, from environment variables. The only reader of `process.env`.
 * Throws one `configuration` error that names every fault.
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env) {
  const { faults, settings } = faultsOf(env);
  // OpenTelemetry's own name, so that it need not be said twice where all services have it.
  const collector = env['OTEL_EXPORTER_OTLP_ENDPOINT'] || undefined;
  if (collector !== undefined && !/^https?:/.test(collector))
    faults.push('OTEL_EXPORTER_OTLP_ENDPOINT: is not a URL of http:// or https://');
  if (!settings || faults.length > 0)
    throw new TesseraError(
      'configuration',
      `The configuration has faults:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    );
  const s = settings;
  return {
    dataDir: resolve(s.TESSERA_DATA_DIR ?? xdg(env, 'XDG_DATA_HOME', '.local', 'share')),
    cacheDir: resolve(s.TESSERA_CACHE_DIR ?? xdg(env, 'XDG_CACHE_HOME', '.cache')),
    log: { level: s.TESSERA_LOG_LEVEL },
    http: {
      host: s.TESSERA_HOST,
      port: s.TESSERA_PORT,
      corsOrigins: s.TESSERA_CORS_ORIGINS,
      trustProxy: s.TESSERA_TRUST_PROXY,
      drainSeconds: s.TESSERA_DRAIN,
      maxBodyBytes: s.TESSERA_MAX_BODY,
      modelAliases: s.TESSERA_MODEL_ALIASES,
    },
    grpc: { port: s.TESSERA_GRPC_PORT },
    admission: {
      auth: s.TESSERA_AUTH,
      requestsPerMinute: s.TESSERA_RATE_LIMIT,
      maxWaiting: s.TESSERA_MAX_WAITING,
      maxJobsPerKey: s.TESSERA_MAX_JOBS_PER_KEY,
    },
    traces: { endpoint: collector },
    database: { url: s.TESSERA_DATABASE_URL },
    blobs: { url: s.TESSERA_BLOBS_URL, cacheBytes: s.TESSERA_BLOBS_CACHE },
    queue: {
      url: s.TESSERA_QUEUE_URL,
      cpuJobs: s.TESSERA_CPU_JOBS,
      answerJobs: s.TESSERA_ANSWER_JOBS,
      resultSeconds: s.TESSERA_RESULT_TTL,
      // As long as a job may wait for its turn, though its result be kept for a minute.
      mediaSeconds: Math.max(2 * s.TESSERA_RESULT_TTL, 3600),
    },
    limits: {
      maxFileBytes: s.TESSERA_MAX_FILE,
      maxStoredBytes: s.TESSERA_MAX_STORED,
      maxPixels: s.TESSERA_MAX_PIXELS,
      maxDurationSeconds: s.TESSERA_MAX_DURATION,
      maxFrames: s.TESSERA_MAX_FRAMES,
      maxPages: s.TESSERA_MAX_PAGES,
      maxParts: s.TESSERA_MAX_PARTS,
    },
    urls: {
      allowPrivate: s.TESSERA_ALLOW_PRIVATE_URLS,
      domains: s.TESSERA_URL_DOMAINS,
      ports: s.TESSERA_URL_PORTS,
      timeoutMs: s.TESSERA_URL_TIMEOUT * 1000,
    },
    webhooks: { secrets: s.TESSERA_WEBHOOK_SECRET },
    pack: s.TESSERA_PACK,
    hub: { url: s.TESSERA_HUB_URL?.replace(/\/+$/, ''), token: s.TESSERA_HUB_TOKEN },
    runtime: {
      threads: s.TESSERA_THREADS,
      executionProviders: s.TESSERA_EXECUTION_PROVIDERS,
      mallocIsSet: MALLOC_VARIABLES.some((name) => env[name] !== undefined),
    },
    decoder: {
      url: s.TESSERA_DECODER_URL,
      key: s.TESSERA_DECODER_KEY,
      model: s.TESSERA_DECODER_MODEL,
      timeoutMs: s.TESSERA_DECODER_TIMEOUT * 1000,
      kvMemoryBytes: s.TESSERA_KV_MEMORY,
      kvDiskBytes: s.TESSERA_KV_DISK,
      readAhead: s.TESSERA_READ_AHEAD,
    },
  };
}

export type Config = ReturnType<typeof loadConfig>;
