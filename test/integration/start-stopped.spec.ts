import { spawn } from 'node:child_process';
import { chmodSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { ROOT, tempFolder } from '../support/cli.js';

let data: string;
afterEach(() => rmSync(data, { recursive: true, force: true }));

function start(role: string) {
  data = tempFolder('stopped');
  chmodSync(data, 0o711);
  const child = spawn(process.execPath, [join(ROOT, 'bin/tessera.js'), role], {
    cwd: ROOT,
    env: { ...process.env, TESSERA_DATA_DIR: data, TESSERA_PORT: '0', TESSERA_LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise<unknown>((resolve) => child.once('close', (code, signal) => resolve(signal ?? code)));
  return { child, ended, said: () => said };
}

const postmaster = () => join(data, 'postgres', 'cluster', 'postmaster.pid');

test.each(['serve', 'api'])(
  '%s that is stopped while it starts stops the database that it has started',
  async (role) => {
    const { child, ended, said } = start(role);
    await expect.poll(() => existsSync(postmaster()), { timeout: 60_000, interval: 5 }).toBe(true);
    expect(said()).not.toContain('listens');
    child.kill('SIGTERM');
    expect(await ended, said()).toBe(0);
    expect(existsSync(postmaster())).toBe(false);
  },
);

test.each([300, 500])('a signal after %i ms leaves nothing running', async (ms) => {
  const { child, ended } = start('serve');
  await sleep(ms);
  child.kill('SIGINT');
  // By the signal, where it came before anything was begun.
  expect([0, 'SIGINT']).toContain(await ended);
  expect(existsSync(postmaster())).toBe(false);
});
