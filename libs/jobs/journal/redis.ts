import { Redis } from 'ioredis';
import type { JobEvent, JobState } from '#contracts';
import {
  lastProgress,
  NO_TREES,
  stateEvent,
  type Change,
  type Journal,
  type JournalEvent,
  type ListFilter,
  type NewTree,
  type Outcome,
  type TreeRecord,
  type TreeState,
  type UnfinishedState,
} from './journal.js';

/** KEYS: tree hash, event stream. All scripts leave a tree alone that has ended. */
const SCRIPTS = {
  start: `
    if redis.call('HGET', KEYS[1], 'finished') or redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
    if redis.call('HGET', KEYS[1], 'state') ~= 'queued' then return 1 end
    redis.call('HSET', KEYS[1], 'state', 'running', 'started', ARGV[1])
    redis.call('XADD', KEYS[2], '*', 'e', ARGV[2])
    redis.call('PUBLISH', ARGV[3], ARGV[4])
    return 2`,
  append: `
    if redis.call('HGET', KEYS[1], 'finished') or redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
    if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'progress', ARGV[3]) end
    for i = 4, #ARGV do redis.call('XADD', KEYS[2], '*', 'e', ARGV[i]) end
    redis.call('PUBLISH', ARGV[1], ARGV[2])
    return 1`,
  finish: `
    if redis.call('HGET', KEYS[1], 'finished') or redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
    redis.call('HSET', KEYS[1], 'state', ARGV[1], 'finished', ARGV[2], 'result', ARGV[3], 'error', ARGV[4])
    redis.call('XADD', KEYS[2], '*', 'e', ARGV[5])
    redis.call('ZREM', KEYS[3], ARGV[8])
    for i = 1, 2 do redis.call('EXPIRE', KEYS[i], ARGV[9]) end
    redis.call('PUBLISH', ARGV[6], ARGV[7])
    return 1`,
};

/**
 * Without Redis a command waits for it, and fails in the end: a failover of some seconds goes unnoticed, and no request hangs for hours. Lost
 * connections are made anew every half second for 8 s; what a server that only stands still was sent, fails after 10.
 */
const PATIENCE = { retryStrategy: () => 500, maxRetriesPerRequest: 16, commandTimeout: 10_000 } as const;

type Script = (keys: string[], args: (string | number)[]) => Promise<number>;

const date = (text: string | undefined) => (text ? new Date(Number(text)) : null);
const json = (text: string | undefined): unknown => (text ? JSON.parse(text) : null);

const STATE = ['root', 'state', 'progress', 'error', 'created', 'started', 'finished'] as const;

const toState = (id: string, hash: Partial<Record<string, string>>): TreeState => ({
  id,
  root: hash['root'] as TreeState['root'],
  state: hash['state'] as JobState,
  progress: json(hash['progress']) as TreeState['progress'],
  error: json(hash['error']) as TreeState['error'],
  createdAt: new Date(Number(hash['created'])),
  startedAt: date(hash['started']),
  finishedAt: date(hash['finished']),
});

/** The journal in Redis: a hash and a stream per tree, sorted sets for lists, pub/sub for other processes. */
export class RedisJournal implements Journal {
  private readonly listeners = new Set<(id: string, change: Change) => void>();
  private readonly script: Record<keyof typeof SCRIPTS, Script>;
  private readonly channel: string;

  private constructor(
    private readonly redis: Redis,
    private readonly subscriber: Redis,
    private readonly scope: string,
    private readonly keepSeconds: number,
  ) {
    this.channel = `tessera:${scope}:changes`;
    const run = (lua: string): Script => {
      return async (keys, args) => Number(await redis.eval(lua, keys.length, ...keys, ...args));
    };
    this.script = { start: run(SCRIPTS.start), append: run(SCRIPTS.append), finish: run(SCRIPTS.finish) };
  }

  static async open(url: string, scope: string, keepSeconds: number): Promise<RedisJournal> {
    const redis = new Redis(url, PATIENCE);
    const subscriber = new Redis(url, { maxRetriesPerRequest: null });
    redis.on('error', () => undefined);
    subscriber.on('error', () => undefined);
    const journal = new RedisJournal(redis, subscriber, scope, keepSeconds);
    subscriber.on('message', (_channel: string, message: string) => {
      const [id = '', change] = message.split(' ');
      for (const listener of journal.listeners) listener(id, change as Change);
    });
    await subscriber.subscribe(journal.channel);
    return journal;
  }

  private tree = (id: string) => `tessera:${this.scope}:tree:${id}`;
  private stream = (id: string) => `tessera:${this.scope}:events:${id}`;
  private all = () => `tessera:${this.scope}:trees`;
  private open = () => `tessera:${this.scope}:unfinished`;

  onChange(listener: (id: string, change: Change) => void): void {
    this.listeners.add(listener);
  }

  async begin({ id, root, spec, priority, owner }: NewTree): Promise<void> {
    const created = Date.now();
    await this.redis
      .multi()
      .hset(this.tree(id), { root, spec: JSON.stringify(spec), priority, owner, state: 'queued', created })
      .xadd(this.stream(id), '*', 'e', JSON.stringify(stateEvent('queued')))
      .zadd(this.all(), created, id)
      .zadd(this.open(), created, id)
      .exec();
  }

  async start(id: string): Promise<boolean> {
    const args = [Date.now(), JSON.stringify(stateEvent('running')), this.channel, `${id} event`];
    return (await this.script.start([this.tree(id), this.stream(id)], args)) > 0;
  }

  async append(id: string, events: readonly JobEvent[]): Promise<void> {
    const progress = lastProgress(events);
    const args = [
      this.channel,
      `${id} event`,
      progress ? JSON.stringify(progress) : '',
      ...events.map((event) => JSON.stringify(event)),
    ];
    await this.script.append([this.tree(id), this.stream(id)], args);
  }

  async finish(id: string, outcome: Outcome): Promise<boolean> {
    const result = outcome.state === 'completed' ? JSON.stringify(outcome.result ?? null) : '';
    const error = outcome.state === 'completed' ? '' : JSON.stringify(outcome.error);
    const args = [
      outcome.state,
      Date.now(),
      result,
      error,
      JSON.stringify(stateEvent(outcome.state)),
      this.channel,
      `${id} end`,
      id,
      this.keepSeconds,
    ];
    return (await this.script.finish([this.tree(id), this.stream(id), this.open()], args)) === 1;
  }

  async read(id: string): Promise<TreeRecord | undefined> {
    const hash = await this.redis.hgetall(this.tree(id));
    if (!hash['root']) return undefined;
    return {
      ...toState(id, hash),
      spec: json(hash['spec']) as TreeRecord['spec'],
      priority: hash['priority'] as TreeRecord['priority'],
      result: json(hash['result']),
    };
  }

  async state(id: string): Promise<TreeState | undefined> {
    const values = await this.redis.hmget(this.tree(id), ...STATE);
    const hash = Object.fromEntries(STATE.map((field, i) => [field, values[i] ?? undefined]));
    return hash['root'] ? toState(id, hash) : undefined;
  }

  async events(id: string, after = '0'): Promise<JournalEvent[]> {
    const from = /^\d+(-\d+)?$/.test(after) ? `(${after}` : '-';
    const entries = await this.redis.xrange(this.stream(id), from, '+');
    return entries.map(([place, fields]) => ({ id: place, event: JSON.parse(fields[1] ?? 'null') as JobEvent }));
  }

  async list({ states, limit, before, skip = 0 }: ListFilter): Promise<TreeState[]> {
    const found: TreeState[] = [];
    const rank = before === undefined ? null : await this.redis.zrevrank(this.all(), before);
    for (let from = rank === null ? 0 : rank + 1; found.length < skip + limit; from += 100) {
      const ids = await this.redis.zrevrange(this.all(), from, from + 99);
      const records = await Promise.all(ids.map((id) => this.state(id)));
      found.push(
        ...records.filter((record) => record !== undefined).filter(({ state }) => !states || states.includes(state)),
      );
      if (ids.length < 100) break;
    }
    return found.slice(skip, skip + limit);
  }

  async counts(): Promise<Record<JobState, number>> {
    const counts = { ...NO_TREES };
    for (let from = 0; ; from += 1000) {
      const ids = await this.redis.zrange(this.all(), String(from), String(from + 999));
      const states = await Promise.all(ids.map((id) => this.redis.hget(this.tree(id), 'state')));
      for (const state of states) if (state) counts[state as JobState]++;
      if (ids.length < 1000) return counts;
    }
  }

  async count(states: readonly UnfinishedState[], owner?: string): Promise<number> {
    const ids = await this.redis.zrange(this.open(), '0', '-1');
    if (states.length === 2 && owner === undefined) return ids.length;
    const found = await Promise.all(ids.map((id) => this.redis.hmget(this.tree(id), 'state', 'owner')));
    return found.filter(
      ([state, whose]) => states.includes(state as UnfinishedState) && (owner === undefined || whose === owner),
    ).length;
  }

  async remove(id: string): Promise<void> {
    await this.redis.multi().del(this.tree(id), this.stream(id)).zrem(this.all(), id).zrem(this.open(), id).exec();
  }

  /** Hashes and streams expire by themselves; this forgets their names. */
  async sweep(): Promise<void> {
    for (const id of await this.redis.zrange(this.all(), '0', '-1'))
      if (!(await this.redis.exists(this.tree(id)))) await this.remove(id);
  }

  /** A command line's queue is in PostgreSQL unless somebody wants otherwise; what it leaves in Redis expires. */
  abandoned(): Promise<string[]> {
    return Promise.resolve([]);
  }

  async clear(scope: string): Promise<void> {
    if (scope !== this.scope) return;
    for (const id of await this.redis.zrange(this.all(), '0', '-1')) await this.remove(id);
  }

  async close(): Promise<void> {
    this.listeners.clear();
    this.subscriber.disconnect();
    // What is on its way is still written, by a server that answers.
    if (this.redis.status === 'ready') await this.redis.quit().catch(() => undefined);
    this.redis.disconnect();
  }
}
