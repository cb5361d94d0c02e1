import { expect, test } from 'vitest';
import { loadConfig } from './config.js';

test('an empty environment gives the defaults under the XDG folders', () => {
  const config = loadConfig({ HOME: '/home/ada' });
  expect(config.dataDir).toBe('/home/ada/.local/share/tessera');
  expect(config.cacheDir).toBe('/home/ada/.cache/tessera');
  expect(config.http).toMatchObject({ host: '127.0.0.1', port: 8080 });
  // An edge without gRPC, and a decoder on its own port.
  expect(config.grpc.port).toBeUndefined();
  expect(loadConfig({ HOME: '/', TESSERA_GRPC_PORT: '0' }).grpc.port).toBe(0);
  expect(config.decoder).toMatchObject({ kvMemoryBytes: 512 * 2 ** 20, kvDiskBytes: 4 * 2 ** 30, url: undefined });
});

test('XDG variables and our own are read, empty ones count as absent', () => {
  const config = loadConfig({
    HOME: '/home/ada',
    XDG_DATA_HOME: '/data',
    XDG_CACHE_HOME: 'relative-is-ignored',
    TESSERA_CACHE_DIR: '/fast/cache',
    TESSERA_KV_MEMORY: '2GiB',
    TESSERA_ALLOW_PRIVATE_URLS: 'true',
    TESSERA_URL_DOMAINS: 'example.org, example.com',
    TESSERA_QUEUE_URL: '',
  });
  expect(config.dataDir).toBe('/data/tessera');
  expect(config.cacheDir).toBe('/fast/cache');
  expect(config.decoder.kvMemoryBytes).toBe(2 ** 31);
  expect(config.urls).toMatchObject({
    allowPrivate: true,
    domains: ['example.org', 'example.com'],
    ports: [80, 443, 8080, 8443],
  });
  expect(config.queue.url).toBeUndefined();
});

test('every fault is reported at once', () => {
  const env = {
    TESSERA_PORT: '99999',
    TESSERA_KV_MEMORY: 'plenty',
    TESSERA_DATABASE_URL: 'mysql://db',
    TESSERA_QUEUE_ULR: 'redis://x',
    TESSERA_ALLOW_PRIVATE_URLS: 'yes',
    TESSERA_URL_PORTS: '80,http',
    TESSERA_WEBHOOK_SECRET: 'whsec_c2hvcnQ=',
  };
  let message = '';
  try {
    loadConfig(env);
  } catch (error) {
    message = (error as Error).message;
  }
  for (const name of Object.keys(env)) expect(message).toContain(name);
  expect(message).toContain('write for example 4GiB');
});

test('one webhook secret, or several while they change', () => {
  const [old, fresh] = [24, 64].map((bytes) => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`);
  expect(loadConfig({ HOME: '/' }).webhooks.secrets).toEqual([]);
  expect(loadConfig({ HOME: '/', TESSERA_WEBHOOK_SECRET: `${fresh}, ${old}` }).webhooks.secrets).toEqual([fresh, old]);
  for (const wrong of ['secret', 'whsec_', `whsec_${'A'.repeat(31)}`, `whsec_${Buffer.alloc(65).toString('base64')}`])
    expect(() => loadConfig({ HOME: '/', TESSERA_WEBHOOK_SECRET: wrong })).toThrow('TESSERA_WEBHOOK_SECRET');
});
