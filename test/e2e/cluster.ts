import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '#platform';
import { freePort, startPostgres, startRedis, startS3, type OuterServer } from '../support/servers.js';
import { Service } from './service.js';

/** Two edges, two workers and a decoder as plain processes over Redis, PostgreSQL and an S3 server. */
export interface Cluster {
  apis: Service[];
  workers: Service[];
  decoder: Service;
  redisUrl: string;
  databaseUrl: string;
  s3: { endpoint: string; bucket: string };
  /** Temp folder of all processes of Tessera. */
  temp: string;
  /** Ends everything; SIGTERM's exit codes by process. */
  stop(): Promise<Record<string, number | null>>;
  /** What is there after `stop` that should not be. */
  leftovers(): string[];
  remove(): void;
}

const BUCKET = 'tessera';

export async function startCluster(): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-e2e-'));
  chmodSync(folder, 0o711);
  const temp = join(folder, 'tmp');
  mkdirSync(temp);
  const servers: OuterServer[] = [];
  const services: Service[] = [];
  const stop = async (): Promise<Record<string, number | null>> => {
    const ends: Record<string, number | null> = {};
    // As a rollout would: edges first, so that nothing new comes; the decoder last, so that what runs can end.
    for (const role of ['api', 'worker', 'decoder'])
      await Promise.all(
        services
          .filter(({ name }) => name.startsWith(role))
          .map(async (service) => void (ends[service.name] = await service.kill('SIGTERM'))),
      );
    for (const server of servers.splice(0).reverse()) await server.stop();
    return ends;
  };
  try {
    const [redis, postgres, s3] = await Promise.all([startRedis(), startPostgres(), startS3(BUCKET)]);
    servers.push(redis, postgres, s3);
    const grpcPort = await freePort();
    const common = {
      TMPDIR: temp,
      TESSERA_CACHE_DIR: loadConfig().cacheDir,
      TESSERA_LOG_LEVEL: 'warn',
      TESSERA_DECODER_KEY: 'between-us',
    };
    const shared = {
      ...common,
      TESSERA_DATABASE_URL: postgres.url,
      TESSERA_QUEUE_URL: redis.url,
      TESSERA_BLOBS_URL: s3.url,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    };
    const add = async (role: 'api' | 'worker' | 'decoder', number: number, env: Record<string, string>) => {
      const data = join(folder, `${role}-${number}`);
      const service = await Service.create(role, number, { ...env, TESSERA_DATA_DIR: data }, folder);
      services.push(service);
      service.start();
      return service;
    };
    const decoder = await add('decoder', 1, { ...common, TESSERA_GRPC_PORT: String(grpcPort) });
    const work = { ...shared, TESSERA_DECODER_URL: `grpc://127.0.0.1:${grpcPort}`, TESSERA_ANSWER_JOBS: '4' };
    const workers = [await add('worker', 1, work), await add('worker', 2, work)];
    const apis = [await add('api', 1, shared), await add('api', 2, shared)];
    await Promise.all(services.map((service) => service.ready()));
    return {
      apis,
      workers,
      decoder,
      redisUrl: redis.url,
      databaseUrl: postgres.url,
      s3: { endpoint: s3.endpoint, bucket: BUCKET },
      temp,
      stop,
      leftovers: () => [
        ...readdirSync(temp).map((name) => `temp file ${name}`),
        ...services.flatMap(({ name }) => files(join(folder, name, 'copies')).map((file) => `copy ${name}/${file}`)),
        ...processesWith(temp).map((command) => `process ${command}`),
      ],
      remove: () => rmSync(folder, { recursive: true, force: true }),
    };
  } catch (error) {
    await stop();
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

function files(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Commands of processes whose environment names this temp folder: ours and all that they started. */
function processesWith(temp: string): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(temp)) return [];
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
      } catch {
        return [];
      }
    });
}
