import { TesseraError } from '#contracts';
import type { Config } from '#platform';
import { openDatabase, Records, type Scope } from '#storage';
import { note, out, outJson } from '../output/print.js';

const SCOPES: readonly Scope[] = ['read', 'write', 'admin'];

async function withRecords<T>(config: Config, work: (records: Records) => Promise<T>): Promise<T> {
  const database = await openDatabase(config);
  try {
    return await work(new Records(database.pool));
  } finally {
    await database.close();
  }
}

/** Makes a key and prints its secret, which is shown this once. Keys of one tenant see each other's media and jobs. */
export function create(
  config: Config,
  name: string,
  options: { tenant?: string; scopes?: string; json?: boolean },
): Promise<number> {
  const scopes = (options.scopes ?? 'read,write').split(',').map((scope) => scope.trim()) as Scope[];
  const wrong = scopes.filter((scope) => !SCOPES.includes(scope));
  if (wrong.length > 0)
    throw new TesseraError(
      'invalid_request',
      `There is no scope ${wrong.join(', ')}. There are: ${SCOPES.join(', ')}.`,
    );
  return withRecords(config, async (records) => {
    const key = await records.createKey({ name, tenant: options.tenant, scopes });
    if (options.json) outJson(key);
    else {
      out(key.secret);
      note(`${key.id} “${name}” may ${key.scopes.join(', ')}; tenant ${key.tenant}. The secret is not shown again.`);
    }
    return 0;
  });
}

export function list(config: Config, options: { json?: boolean }): Promise<number> {
  return withRecords(config, async (records) => {
    for (const key of await records.listKeys()) {
      if (options.json) outJson(key);
      else {
        const state = key.revokedAt ? `revoked ${key.revokedAt.toISOString()}` : key.scopes.join(',');
        out(`${key.id}  ${key.name.padEnd(20)} ${state}  tenant ${key.tenant}`);
      }
    }
    return 0;
  });
}

export function revoke(config: Config, id: string): Promise<number> {
  return withRecords(config, async (records) => {
    if (await records.revokeKey(id)) return 0;
    throw new TesseraError('not_found', `There is no key ${id} that is not revoked already.`);
  });
}
