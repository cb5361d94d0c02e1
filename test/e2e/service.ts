import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from '../support/cli.js';
import { freePort } from '../support/servers.js';

export type Role = 'api' | 'worker' | 'decoder';

/** One process of Tessera as an operator would run it. */
export class Service {
  readonly url: string;
  private child: ChildProcess | undefined;
  starts = 0;

  private constructor(
    readonly name: string,
    private readonly role: Role,
    private readonly port: number,
    private readonly env: Record<string, string>,
    private readonly log: string,
  ) {
    this.url = `http://127.0.0.1:${port}`;
  }

  static async create(role: Role, number: number, env: Record<string, string>, folder: string): Promise<Service> {
    const name = `${role}-${number}`;
    return new Service(name, role, await freePort(), env, join(folder, `${name}.log`));
  }

  start(): void {
    const log = openSync(this.log, 'a');
    this.child = spawn(process.execPath, [join(ROOT, 'bin/tessera.js'), this.role], {
      env: { ...process.env, ...this.env, TESSERA_PORT: String(this.port) },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.starts++;
  }

  async ready(): Promise<void> {
    const until = Date.now() + 120_000;
    while (Date.now() < until) {
      if (this.child?.exitCode !== null) throw new Error(`${this.name} ended:\n${this.tail()}`);
      const answer = await fetch(`${this.url}/health/ready`).catch(() => undefined);
      if (answer?.ok) return;
      await sleep(50);
    }
    throw new Error(`${this.name} is not ready after two minutes:\n${this.tail()}`);
  }

  /** Returns when it is gone. */
  async kill(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    child.kill(signal);
    return ended;
  }

  tail(): string {
    return readFileSync(this.log, 'utf8').split('\n').slice(-30).join('\n');
  }
}
