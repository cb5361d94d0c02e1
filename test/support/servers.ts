import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from './cli.js';
import { pythonPrograms } from './python-clients.js';

/** A server of its own for one spec file: on a free port, in a folder that goes away. */
export interface OuterServer {
  url: string;
  stop(): Promise<void>;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** Debian keeps PostgreSQL's programs off the PATH. */
function postgresPrograms(): string | undefined {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : [];
  return versions.map((version) => `/usr/lib/postgresql/${version}/bin`).find((bin) => existsSync(join(bin, 'initdb')));
}

const onPath = (program: string) => spawnSync('which', [program]).status === 0;

export const hasRedis = () => onPath('redis-server');
export const hasPostgres = () => postgresPrograms() !== undefined;

function userFor(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const [, , uid, gid] = (readFileSync('/etc/passwd', 'utf8').match(/^postgres:.*$/m)?.[0] ?? '').split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

async function until(ready: () => boolean, child: ChildProcess): Promise<void> {
  for (let i = 0; i < 1500; i++) {
    if (ready()) return;
    if (child.exitCode !== null) throw new Error(`the server ended with code ${child.exitCode}`);
    await sleep(10);
  }
  throw new Error('the server did not start');
}

const ended = (child: ChildProcess) => new Promise((done) => child.once('exit', done));

export async function startRedis(): Promise<OuterServer> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'tessera-redis-'));
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  await until(
    () =>
      spawnSync('redis-cli', ['-p', String(port), 'ping'])
        .stdout?.toString()
        .trim() === 'PONG',
    child,
  );
  const stop = async () => {
    child.kill();
    await ended(child);
    rmSync(folder, { recursive: true, force: true });
  };
  return { url: `redis://127.0.0.1:${port}`, stop };
}

export async function startPostgres(): Promise<OuterServer> {
  const bin = postgresPrograms() as string;
  const user = userFor();
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'tessera-postgres-'));
  const cluster = join(folder, 'cluster');
  mkdirSync(cluster);
  if (user) for (const path of [folder, cluster]) chownSync(path, user.uid, user.gid);
  execFileSync(join(bin, 'initdb'), ['-D', cluster, '-U', 'tessera', '--auth=trust', '--no-sync'], {
    ...user,
    cwd: folder,
    stdio: 'ignore',
  });
  const args = ['-D', cluster, '-p', String(port), '-k', folder, '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'];
  const child = spawn(join(bin, 'postgres'), args, { ...user, cwd: folder, stdio: 'ignore' });
  const stop = async () => {
    child.kill('SIGINT');
    await ended(child);
    rmSync(folder, { recursive: true, force: true });
  };
  await until(() => spawnSync(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)]).status === 0, child);
  return { url: `postgres://tessera@127.0.0.1:${port}/postgres`, stop };
}

/** An S3 server with an empty bucket; credentials are anything. */
export async function startS3(bucket = 'tessera'): Promise<OuterServer & { endpoint: string }> {
  const port = await freePort();
  const child = spawn(join(pythonPrograms(), 'python'), ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
  });
  const endpoint = `http://127.0.0.1:${port}`;
  for (let i = 0; i < 600; i++) {
    if (child.exitCode !== null) throw new Error(`the S3 server ended with code ${child.exitCode}`);
    const made = await fetch(`${endpoint}/${bucket}`, { method: 'PUT' }).catch(() => undefined);
    if (made?.ok) break;
    await sleep(50);
  }
  const stop = async () => {
    child.kill('SIGKILL');
    await ended(child);
  };
  return { url: `s3://${bucket}?endpoint=${encodeURIComponent(endpoint)}`, endpoint, stop };
}

/** llama.cpp's own OpenAI-compatible server on a GGUF. */
export async function startLlama(gguf: string): Promise<OuterServer> {
  const script = join(ROOT, 'test/python/llama_server.py');
  const child = spawn(join(pythonPrograms(), 'python'), [script, gguf], { stdio: ['pipe', 'pipe', 'ignore'] });
  const address = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (line: Buffer) => resolve(line.toString().trim()));
    child.once('exit', (code) => reject(new Error(`llama.cpp's server ended with code ${code}`)));
  });
  const stop = async () => {
    child.kill('SIGKILL');
    await ended(child);
  };
  return { url: `${address}/v1`, stop };
}
