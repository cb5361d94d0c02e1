import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { inTransaction } from '#platform';
import { FolderBlobs, openDatabase, Records, type Database } from '#storage';
import { runScript } from '../support/script.js';

const SCRIPT = new URL('../support/scripts/open-database.ts', import.meta.url);
const folders: string[] = [];
const newFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-storage-'));
  folders.push(folder);
  chmodSync(folder, 0o711);
  return folder;
};
const open = (dataDir: string) => openDatabase({ dataDir, database: { url: undefined } });
const socketFolder = (database: Database) => String(database.connection.host);
const postmaster = (database: Database) => {
  const file = join(socketFolder(database), 'cluster', 'postmaster.pid');
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split('\n')[0]) : undefined;
};

afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

describe('the embedded server', () => {
  test('starts in a new folder that is closed to others, keeps what it is told, and stops', async () => {
    const folder = newFolder();
    chmodSync(folder, 0o700);
    const first = await open(folder);
    await new Records(first.pool).putArtifact('a', { n: 1 });
    expect(postmaster(first)).toBeGreaterThan(0);
    await first.close();
    expect(postmaster(first)).toBeUndefined();

    const second = await open(folder);
    expect(await new Records(second.pool).getArtifact('a')).toEqual({ n: 1 });
    await second.close();
  });

  test('a connection that is lost within a transaction fails that, and nothing else', async () => {
    const { pool, close } = await open(newFolder());
    const lost = inTransaction(pool, async (client) => {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      await pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
      // Nobody asks anything while it happens.
      await sleep(300);
      await client.query('select 1');
    });
    await expect(lost).rejects.toThrow();
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await close();
  });

  test('is shared by processes that start at the same moment; the last one out stops it', async () => {
    const folder = newFolder();
    const scripts = Array.from({ length: 3 }, () => runScript(SCRIPT, [folder]));
    await Promise.all(scripts.map((script) => script.line()));
    const mine = await open(folder);
    const pid = postmaster(mine);
    for (const { child } of scripts) child.stdin?.write('close\n');
    expect(await Promise.all(scripts.map(({ ended }) => ended))).toEqual([0, 0, 0]);
    expect(postmaster(mine)).toBe(pid);
    await mine.pool.query('select 1');
    await mine.close();
    expect(postmaster(mine)).toBeUndefined();
  });

  test('survives users that crash, and is stopped by the next one that leaves in order', async () => {
    const folder = newFolder();
    const script = runScript(SCRIPT, [folder]);
    await script.line();
    script.child.stdin?.write('crash\n');
    expect(await script.ended).toBe('SIGKILL');
    const next = await open(folder);
    await next.close();
    expect(postmaster(next)).toBeUndefined();
  });

  test('is not stopped under who lost all connections in a crash of it, when another one leaves', async () => {
    const folder = newFolder();
    const mine = await open(folder);
    const pid = postmaster(mine);
    const { rows } = await mine.pool.query<{ pid: number }>('select pg_backend_pid() as pid');
    // As the OOM killer does it: PostgreSQL ends every connection and recovers.
    process.kill(Number(rows[0]?.pid), 'SIGKILL');
    const present = async () => {
      const held = "select 1 from pg_locks where locktype = 'advisory' and mode = 'ShareLock' and granted";
      return (await mine.pool.query(held).catch(() => ({ rowCount: 0 }))).rowCount;
    };
    await expect.poll(present, { timeout: 10_000 }).toBe(1);
    const other = runScript(SCRIPT, [folder]);
    await other.line();
    other.child.stdin?.write('close\n');
    expect(await other.ended).toBe(0);
    expect(postmaster(mine)).toBe(pid);
    await mine.pool.query('select 1');
    await mine.close();
    expect(postmaster(mine)).toBeUndefined();
  });

  test('is started again under who uses it when it is killed, and stopped by who closes meanwhile', async () => {
    const folder = newFolder();
    const mine = await open(folder);
    await new Records(mine.pool).putArtifact('kept', true);
    await mine.pool.query('checkpoint');
    const pid = postmaster(mine);
    process.kill(Number(pid), 'SIGKILL');
    await expect.poll(() => [undefined, pid].includes(postmaster(mine)), { timeout: 20_000 }).toBe(false);
    const kept = () => new Records(mine.pool).getArtifact('kept').catch(() => undefined);
    await expect.poll(kept, { timeout: 20_000 }).toBe(true);
    const { rows } = await mine.pool.query<{ pid: number }>('select pg_backend_pid() as pid');
    process.kill(Number(rows[0]?.pid), 'SIGKILL');
    await mine.close();
    expect(postmaster(mine)).toBeUndefined();
  });

  test('is stopped after its only user has ended without closing', async () => {
    const folder = newFolder();
    const [one, two] = [runScript(SCRIPT, [folder]), runScript(SCRIPT, [folder])];
    await Promise.all([one.line(), two.line()]);
    const lock = join(folder, 'postgres', 'cluster', 'postmaster.pid');
    one.child.stdin?.write('exit\n');
    await one.ended;
    await new Promise((done) => setTimeout(done, 800));
    expect(existsSync(lock)).toBe(true);
    two.child.stdin?.write('exit\n');
    await two.ended;
    await expect.poll(() => existsSync(lock), { timeout: 10_000 }).toBe(false);
  });

  test('starts again after it was killed itself, also when its number now belongs to another program', async () => {
    const folder = newFolder();
    const user = runScript(SCRIPT, [folder]);
    await user.line();
    const database = await open(folder);
    await new Records(database.pool).putArtifact('kept', true);
    await database.pool.query('checkpoint');
    await database.close();
    user.child.stdin?.write('crash\n');
    await user.ended;
    process.kill(postmaster(database) as number, 'SIGKILL');

    // The number of a living program of the server's user stands in the lock file.
    const lock = join(socketFolder(database), 'cluster', 'postmaster.pid');
    const stranger = spawn('sleep', ['60']);
    writeFileSync(lock, readFileSync(lock, 'utf8').replace(/^\d+/, String(stranger.pid)));
    const again = await open(folder);
    expect(await new Records(again.pool).getArtifact('kept')).toBe(true);
    await again.close();
    stranger.kill();
  });

  test('openers and closers that overlap never see a server going away', async () => {
    const folder = newFolder();
    const visit = async (delay: number) => {
      await new Promise((done) => setTimeout(done, delay));
      const database = await open(folder);
      await database.pool.query('select 1');
      await database.close();
    };
    await Promise.all(Array.from({ length: 12 }, (_, i) => visit(i * 17)));
    for (let i = 0; i < 3; i++) await visit(0);
  });

  test('a long path gets its socket elsewhere', async () => {
    const folder = join(newFolder(), 'x'.repeat(90));
    mkdirSync(folder);
    const database = await open(folder);
    await database.pool.query('select 1');
    await database.close();
  });
});

describe('an outer server', () => {
  test('that cannot be reached is a configuration fault with the reason', async () => {
    const config = { dataDir: newFolder(), database: { url: 'postgres://nobody@127.0.0.1:9/none' } };
    await expect(openDatabase(config)).rejects.toMatchObject({ code: 'configuration' });
  });
});

describe('records', () => {
  let database: Database;
  let records: Records;
  beforeAll(async () => {
    database = await open(newFolder());
    records = new Records(database.pool);
  });
  afterAll(() => database.close());

  const id = (n: number) => String(n).padStart(64, '0');
  const media = (tenant: string, n: number) =>
    records.putMedia({ tenant, id: id(n), name: `${n}.jpg`, kind: 'image', mimeType: 'image/jpeg', bytes: n + 1 });

  test('media belong to who brought them', async () => {
    await media('ada', 1);
    await media('bob', 1);
    expect(await records.getMedia('ada', id(1))).toMatchObject({ name: '1.jpg', bytes: 2, kind: 'image' });
    expect(await records.getMedia('eve', id(1))).toBeUndefined();
    expect(await records.deleteMedia('ada', id(1))).toEqual({ deleted: true, references: 1 });
    expect(await records.deleteMedia('eve', id(1))).toEqual({ deleted: false, references: 1 });
    expect(await records.deleteMedia('bob', id(1))).toEqual({ deleted: true, references: 0 });
  });

  test('lists are paged, newest first', async () => {
    for (let n = 10; n < 15; n++) await media('carol', n);
    const first = await records.listMedia('carol', { limit: 2 });
    const second = await records.listMedia('carol', { limit: 10, before: first[1]?.id });
    expect([...first, ...second].map(({ id }) => Number(id))).toEqual([14, 13, 12, 11, 10]);
  });

  test('artifacts keep the first value of a key', async () => {
    await Promise.all([records.putArtifact('k', [1]), records.putArtifact('k', [1])]);
    await records.putArtifact('k', [2]);
    expect(await records.getArtifact('k')).toEqual([1]);
    await records.deleteArtifact('k', [2]);
    expect(await records.getArtifact('k')).toEqual([1]);
    await records.deleteArtifact('k', [1]);
    expect(await records.getArtifact('k')).toBeUndefined();
  });

  test('batches are claimed in turn: of tenants that have as many at work, the oldest; those that are over apart', async () => {
    const { batches } = records;
    const create = async (tenant: string, id: string, windowSeconds = 60) =>
      batches.create({ id, tenant, endpoint: '/v1/questions', inputFile: 'f', completionWindow: '24h', metadata: null, windowSeconds }); // prettier-ignore
    for (const [tenant, id] of ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'c1'].map((id) => [id.slice(0, 1), id] as const))
      await create(tenant, id);
    const claim = async (limit: number, over = false) =>
      (await batches.claim('me', { limit, over, seconds: 60 })).map(({ id }) => id).sort();
    expect(await claim(3)).toEqual(['a1', 'b1', 'c1']);
    await create('d', 'd1');
    await create('d', 'd2');
    expect(await claim(1)).toEqual(['d1']);
    expect(await claim(2)).toEqual(['a2', 'b2']);
    // One whose process died counts for nobody.
    await database.pool.query(`update tessera.batch set lease_until = now() - interval '1 s' where id = 'a1'`);
    expect(await claim(1)).toEqual(['a1']);
    expect(await claim(1)).toEqual(['d2']);
    await create('e', 'e1', 0);
    await batches.advance('a4', ['validating'], 'cancelling');
    expect(await claim(9)).toEqual(['a3']);
    expect(await claim(9, true)).toEqual(['a4', 'e1']);
  });

  const removed = async (ids: string[]): Promise<string[]> => {
    const gone: string[] = [];
    for (const each of ids) await records.unnamed.remove(each, () => Promise.resolve(void gone.push(each)));
    return gone;
  };

  test('a blob that was announced and that nothing names is known, until something does', async () => {
    const [media1, artifact, file, nobody] = [id(31), id(32), id(33), id(34)];
    for (const blob of [media1, artifact, file, nobody]) await records.unnamed.announce(blob);
    await media('dan', 31);
    expect(await records.nameBlob('result', { blob: artifact }, artifact)).toEqual({ blob: artifact });
    // The first result stays, whose blob is another: this one is still nobody's.
    expect(await records.nameBlob('result', { blob: nobody }, nobody)).toEqual({ blob: artifact });
    await records.files.put({
      id: 'f',
      tenant: 'dan',
      blob: file,
      name: 'f',
      purpose: 'batch',
      kind: 'unknown',
      bytes: 1,
    });
    expect(await records.unnamed.doomOlder(60)).toEqual([]);
    expect(await records.unnamed.doomOlder(0)).toEqual([nobody]);
    // Until it is deleted, however often that fails.
    expect(await records.unnamed.doomOlder(0)).toEqual([nobody]);
    await records.unnamed.remove(nobody, () => Promise.reject(new Error('no answer'))).catch(() => undefined);
    expect(await records.unnamed.doomOlder(0)).toEqual([nobody]);
    await records.unnamed.remove(nobody, () => Promise.resolve());
    expect(await records.unnamed.doomOlder(0)).toEqual([]);
    // Announced once more after it got a name: nobody's row, but a named blob.
    for (const blob of [media1, artifact, file]) await records.unnamed.announce(blob);
    expect(await records.unnamed.doomOlder(0)).toEqual([]);
    // A medium that nobody has any more is deleted, though facts about it are kept; who brings it again in time keeps it.
    await records.unnamed.doom([artifact, media1, file]);
    await records.unnamed.announce(file);
    expect(await removed([file])).toEqual([]);
    expect(await records.unnamed.doomOlder(0)).toEqual([artifact]);
    expect(await records.unnamed.doomOlder(0)).toEqual([artifact]);
    // What somebody has is not.
    await records.unnamed.doom([media1]);
    expect(await removed([artifact, media1])).toEqual([artifact]);
    expect(await records.unnamed.doomOlder(0)).toEqual([]);
  });

  test('bytes that somebody brings again stay, however it falls together with their deletion', async () => {
    const [before, between, meanwhile, given] = [id(41), id(42), id(43), id(44)];
    await records.unnamed.announce(before);
    await records.unnamed.doom([before, between, meanwhile]);
    await records.unnamed.announce(between);
    expect(await removed([before, between])).toEqual([]);
    // Who announces them while they are deleted waits for that, and puts them after it.
    const order: string[] = [];
    let announced = Promise.resolve();
    await records.unnamed.remove(meanwhile, async () => {
      announced = records.unnamed.announce(meanwhile).then(() => void order.push('announced'));
      await sleep(100);
      order.push('deleted');
    });
    await announced;
    expect(order).toEqual(['deleted', 'announced']);
    expect(await removed([meanwhile])).toEqual([]);
    // Who announced them and does not want them is not waited for; who needs them for a while is.
    await records.unnamed.announce(given);
    await records.putArtifact('facts', { id: given });
    await records.unnamed.withdraw(given, 1);
    expect(await records.unnamed.doomOlder(0)).not.toContain(given);
    await sleep(1_100);
    expect(await records.unnamed.doomOlder(0)).toContain(given);
    await records.unnamed.announce(given);
    await records.unnamed.announce(given);
    await records.unnamed.withdraw(given);
    expect(await removed([given])).toEqual([given]);
  });
});

describe('blobs', () => {
  let folder: string;
  let blobs: FolderBlobs;
  beforeAll(async () => {
    folder = newFolder();
    blobs = await FolderBlobs.open(folder);
  });
  afterEach(() => expect(readdirSync(join(folder, 'incoming'))).toEqual([]));

  test('are known by the hash of their bytes', async () => {
    const id = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(await blobs.put(Buffer.from('abc'))).toEqual({ id, size: 3 });
    expect(await blobs.put(Buffer.from('abc'))).toEqual({ id, size: 3 });
    expect((await blobs.get(id)).toString()).toBe('abc');
    expect(await blobs.has(id)).toBe(true);
    await blobs.delete(id);
    expect(await blobs.has(id)).toBe(false);
    await expect(blobs.get(id)).rejects.toMatchObject({ code: 'media_not_found' });
  });

  test('a stream that is too long, fails or is cancelled leaves nothing', async () => {
    async function* endless() {
      for (;;) yield Buffer.alloc(1000);
    }
    async function* broken() {
      yield Buffer.from('a');
      throw new Error('broken');
    }
    await expect(blobs.put(endless(), { maxBytes: 10_000 })).rejects.toMatchObject({ code: 'file_too_large' });
    await expect(blobs.put(broken())).rejects.toThrow('broken');
    const signal = AbortSignal.timeout(20);
    await expect(blobs.put(endless(), { signal })).rejects.toThrow(/abort/i);
    expect(readdirSync(folder)).not.toContain('undefined');
  });

  test('are announced before they are there, and are not there when that fails', async () => {
    const seen: [string, boolean][] = [];
    const announce = async (id: string): Promise<void> => {
      seen.push([id, await blobs.has(id)]);
    };
    const { id } = await blobs.put(Buffer.from('announced'), { announce });
    expect(seen).toEqual([[id, false]]);
    const failing = { announce: () => Promise.reject(new Error('no database')) };
    await expect(blobs.put(Buffer.from('unannounced'), failing)).rejects.toThrow('no database');
    expect(await blobs.has(createHash('sha256').update('unannounced').digest('hex'))).toBe(false);
  });

  test('a file is there until its readers are done, whoever deletes the blob', async () => {
    const { id } = await blobs.put(Buffer.from('read'));
    const [first, second] = [await blobs.local(id), await blobs.local(id)];
    await (await FolderBlobs.open(folder)).delete(id);
    expect(await blobs.has(id)).toBe(false);
    await first[Symbol.asyncDispose]();
    expect(readFileSync(second.path, 'utf8')).toBe('read');
    await second[Symbol.asyncDispose]();
    await expect(blobs.local(id)).rejects.toMatchObject({ code: 'media_not_found' });
  });

  test('an id cannot name another file', () => {
    for (const id of ['../../etc/passwd', '', 'A'.repeat(64), '0'.repeat(63)])
      expect(() => blobs.path(id)).toThrow(/sha-256/);
  });
});
