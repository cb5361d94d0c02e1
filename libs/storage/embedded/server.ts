import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chown, mkdir, open, readFile, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { TesseraError } from '#contracts';
import { createLogger, runProcess } from '#platform';
import { findBinaries } from './binaries.js';
import { findPlace, type Place } from './place.js';
import { serverUser, type ServerUser } from './user.js';

/**
 * One PostgreSQL server per data folder, used by any number of processes. It is found by its socket and outlives whoever started it.
 * Every user holds a shared advisory lock on its own connection. Who leaves and can then take the lock alone was the last, and
 * stops the server while holding it. A newcomer that cannot get the shared lock knows that the server is being stopped, and waits.
 * The locks go with their connections, so a crash leaves nothing behind that the next start has to clean up by guessing. When a
 * backend dies, PostgreSQL ends all connections: whose lock went with its own takes it again.
 */
const PRESENCE_LOCK = 0x7e55e7a;
const PORT = 5432;
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
const RETURN_MS = 1_000;
const DATABASE = { user: 'tessera', database: 'tessera' };
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/** Small and quick to start. A crash of the machine may lose the last half second, never more (synchronous_commit). */
const SETTINGS = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  max_connections: '100',
  shared_buffers: '32MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '256MB',
  synchronous_commit: 'off',
  io_method: 'sync',
  max_worker_processes: '1',
  max_parallel_workers: '0',
  autovacuum_worker_slots: '2',
  autovacuum_max_workers: '2',
  autovacuum_naptime: '15s',
  jit: 'off',
  log_checkpoints: 'off',
};

export interface EmbeddedServer {
  connection: { host: string; port: number; user: string; database: string };
  close(): Promise<void>;
}

const log = createLogger('postgres');

async function initialise(place: Place, user: ServerUser | undefined, initdb: string): Promise<void> {
  const draft = `${place.cluster}.${randomUUID()}`;
  await mkdir(draft, { mode: 0o700 });
  if (user) await chown(draft, user.uid, user.gid);
  const args = [
    '-D',
    draft,
    '-U',
    'tessera',
    '--auth=trust',
    '--locale=C',
    '--encoding=UTF8',
    '--wal-segsize=1',
    '--no-sync',
    '--no-instructions',
  ];
  await runProcess(initdb, args, { ...user, cwd: place.sockets, env: ENVIRONMENT });
  // Another process may have been faster: its cluster is as good.
  await rename(draft, place.cluster).catch(() => rm(draft, { recursive: true, force: true }));
}

const pidFile = (place: Place) => join(place.cluster, 'postmaster.pid');
const pidLines = async (place: Place) => (await readFile(pidFile(place), 'utf8').catch(() => '')).split('\n');
const serverPid = async (place: Place) => Number((await pidLines(place))[0]);

/** After a crash PostgreSQL mistakes any process that got its old number for itself and refuses to start. */
async function removeStaleLock(place: Place): Promise<boolean> {
  const pid = await serverPid(place);
  if (!pid || (await isServer(pid, place))) return false;
  log.warn({ pid }, 'removing the lock of a server that has crashed');
  await rm(pidFile(place), { force: true });
  await rm(join(place.sockets, `.s.PGSQL.${PORT}.lock`), { force: true });
  return true;
}

async function isServer(pid: number, place: Place): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  if (process.platform === 'linux') {
    const cwd = await readlink(`/proc/${pid}/cwd`).catch((error: NodeJS.ErrnoException) => error.code);
    // A process that has ended and is not yet waited for has no working folder.
    if (cwd !== 'EACCES') return cwd === (await realpath(place.cluster));
  }
  const { stdout } = await runProcess('ps', ['-o', 'comm=', '-p', String(pid)], { allowFailure: true });
  return stdout.toString().includes('postgres');
}

const tooLong = async (file: string) => ((await stat(file).catch(() => undefined))?.size ?? 0) > 2 ** 20;

/** Starts the server and returns when it takes connections, or when it ended because another process had started one. */
async function start(place: Place, user: ServerUser | undefined, postgres: string): Promise<void> {
  const output = await open(place.log, (await tooLong(place.log)) ? 'w' : 'a', 0o600);
  const settings = Object.entries({ ...SETTINGS, unix_socket_directories: place.sockets }).flatMap(([key, value]) => [
    '-c',
    `${key}=${value}`,
  ]);
  const child = spawn(postgres, ['-D', place.cluster, '-p', String(PORT), ...settings], {
    ...user,
    cwd: place.sockets,
    detached: true,
    stdio: ['ignore', output.fd, output.fd],
    env: ENVIRONMENT,
  });
  // At once: a server that finds another one running ends before anything else here has happened.
  let exited = false;
  let failure: Error | undefined;
  child.once('exit', () => (exited = true)).once('error', (error) => ((failure = error), (exited = true)));
  await output.close();
  child.unref();
  while (!exited) {
    await sleep(4);
    // The eighth line of postmaster.pid says whether the server takes connections.
    const lines = await pidLines(place);
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return;
  }
  if (failure)
    throw new TesseraError('tool_missing', 'The embedded PostgreSQL could not be started.', { cause: failure });
  await removeStaleLock(place);
}

async function connect(place: Place): Promise<pg.Client | undefined> {
  if (!existsSync(join(place.sockets, `.s.PGSQL.${PORT}`))) return undefined;
  const client = new pg.Client({
    host: place.sockets,
    port: PORT,
    user: DATABASE.user,
    database: 'postgres',
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', (error) => log.debug({ error: error.message }, 'the presence connection ended'));
  try {
    await client.connect();
    const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock_shared($1) as held', [
      PRESENCE_LOCK,
    ]);
    // Whoever stops the server loses its lock a moment before others lose their connections: ask once more.
    if (rows[0]?.held && (await createDatabase(client))) return client;
  } catch (error) {
    log.trace({ error: (error as Error).message }, 'the server is not there yet');
  }
  hangUp(client);
  return undefined;
}

/** pg's `end` may wait for ever for the end of a connection that the server has ended already; nobody waits for it here. */
function hangUp(client: pg.Client): void {
  void client.end().catch(() => undefined);
}

/** Makes sure that our database is there. Always true. */
async function createDatabase(client: pg.Client): Promise<true> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE.database]);
  if (rowCount) return true;
  await client.query('create database tessera strategy file_copy').catch((error: { code?: string }) => {
    // 42P04 and 23505: another process was faster.
    if (error.code !== '42P04' && error.code !== '23505') throw error as Error;
  });
  return true;
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGQUIT');
  } catch {
    // It has just gone.
  }
}

/** Leaves the server, and stops it when nobody else is using it. False when the lock was lost before. */
async function leave(presence: pg.Client, place: Place): Promise<boolean> {
  let last: boolean;
  try {
    await presence.query('select pg_advisory_unlock_shared($1)', [PRESENCE_LOCK]);
    const { rows } = await presence.query<{ held: boolean }>('select pg_try_advisory_lock($1) as held', [
      PRESENCE_LOCK,
    ]);
    last = rows[0]?.held ?? false;
  } catch {
    return false;
  }
  const pid = last ? await serverPid(place) : 0;
  if (pid && (await isServer(pid, place))) process.kill(pid, 'SIGINT');
  // The connection, and with it the lock, stays until the server takes it away.
  const isThere = async () => (await serverPid(place)) === pid && (await isServer(pid, place));
  for (const began = Date.now(); pid && (await isThere()); await sleep(4))
    // A shutdown that meets a crash may wait for ever.
    if (Date.now() - began > STOP_TIMEOUT_MS) end(pid);
  hangUp(presence);
  return true;
}

/**
 * For a process that ends without `close`: a shell looks a moment later whether the server has any user left. The shutdown is
 * the gentle one, so a user that came meanwhile is not cut off.
 */
function stopIfUnused(place: Place): void {
  const pid = existsSync(pidFile(place)) ? Number(readFileSync(pidFile(place), 'utf8').split('\n')[0]) : 0;
  if (!pid) return;
  const users = `ps -A -o ppid= -o args= | grep -q "^ *${pid} .*postgres: ${DATABASE.user} "`;
  const script = `sleep 0.3; command -v ps >/dev/null && ! ${users} && kill -TERM ${pid}`;
  spawn('/bin/sh', ['-c', script], { detached: true, stdio: 'ignore' }).unref();
}

/** Servers that this process uses; a process that ends without `close` leaves them all. */
const inUse = new Set<{ place: Place }>();
const leaveAll = () => inUse.forEach(({ place }) => stopIfUnused(place));

/** Takes the lock, and creates and starts the server when needed; undefined when it would have to be started and is not `wanted`. */
async function arrive(
  place: Place,
  user: ServerUser | undefined,
  wanted: () => boolean = () => true,
): Promise<pg.Client | undefined> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  let presence = await connect(place);
  while (!presence) {
    if (Date.now() > deadline)
      throw new TesseraError(
        'tool_missing',
        `The embedded PostgreSQL did not start in ${START_TIMEOUT_MS / 1000} s; see ${place.log}.`,
      );
    if (!existsSync(join(place.sockets, `.s.PGSQL.${PORT}`)) || (await removeStaleLock(place))) {
      if (!wanted()) return undefined;
      const binaries = await findBinaries(user, place.copies);
      if (!existsSync(place.cluster)) await initialise(place, user, binaries.initdb);
      await start(place, user, binaries.postgres);
    } else await sleep(10);
    presence = await connect(place);
  }
  return presence;
}

/** The lock was lost with its connection. Without it the next one to leave would stop the server under this process: there is no giving up. */
async function comeBack(
  place: Place,
  user: ServerUser | undefined,
  wanted: () => boolean,
): Promise<pg.Client | undefined> {
  for (;;)
    try {
      return await arrive(place, user, wanted);
    } catch (error) {
      log.warn({ err: error }, 'the embedded PostgreSQL is gone; it is looked for again');
      if (!wanted()) return undefined;
      await sleep(RETURN_MS);
    }
}

/** Connects to the server of a data folder; creates and starts it when needed. */
export async function openEmbedded(dataDir: string): Promise<EmbeddedServer> {
  const user = await serverUser();
  const place = await findPlace(dataDir, user);
  let closing: Promise<void> | undefined;
  const wanted = () => !closing;
  const hold = (client: pg.Client | undefined): pg.Client | undefined =>
    client?.once('end', () => {
      if (wanted()) presence = comeBack(place, user, wanted).then(hold);
    });
  let presence = Promise.resolve(hold(await arrive(place, user)));
  // What a crash takes away in this moment is taken again, to be left.
  const close = async (): Promise<void> => {
    for (let held = await presence; held && !(await leave(held, place));) held = await comeBack(place, user, wanted);
  };
  const use = { place };
  if (inUse.size === 0) process.on('exit', leaveAll);
  inUse.add(use);
  return {
    connection: { host: place.sockets, port: PORT, ...DATABASE },
    close: () => {
      inUse.delete(use);
      if (inUse.size === 0) process.off('exit', leaveAll);
      return (closing ??= close());
    },
  };
}
