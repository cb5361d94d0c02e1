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

test('proxies are one, as many as there are, or where they are', () => {
  const trusted = (text: string) => loadConfig({ HOME: '/', TESSERA_TRUST_PROXY: text }).http.trustProxy;
  expect(['', 'false', '0', 'true', '1', '3'].map(trusted)).toEqual([false, false, false, 1, 1, 3]);
  expect(trusted('10.0.0.0/8, 192.0.2.7,fd00::/8')).toEqual(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);
  for (const text of ['yes', '-1', 'proxy.example', '10.0.0.0/33', '10.0.0.0/0', '::/129', '10.0.0.1/8/8', ','])
    expect(() => trusted(text), text).toThrow('TESSERA_TRUST_PROXY');
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

test('a decoder is named by its address alone: what it asks for has its own setting', () => {
  const named = (url: string) => loadConfig({ HOME: '/', TESSERA_DECODER_URL: url }).decoder.url;
  expect(named('http://engine:8000/v1')).toBe('http://engine:8000/v1');
  expect(named('grpc://one:1, grpc://two:2')).toBe('grpc://one:1,grpc://two:2');
  for (const url of ['http://ada:s3cret@engine/v1', 'grpc://one:1,grpc://s3cret@two:2']) {
    expect(() => named(url)).toThrow(/TESSERA_DECODER_URL: holds a user name or password.*TESSERA_DECODER_KEY/);
    expect(() => named(url)).toThrow(/^(?!.*s3cret)/s);
  }
  expect(() => named('nowhere')).toThrow(/^[^\n]*\n {2}TESSERA_DECODER_URL: is neither[^\n]*$/);
});

test('one webhook secret, or several while they change', () => {
  const [old, fresh] = [24, 64].map((bytes) => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`);
  expect(loadConfig({ HOME: '/' }).webhooks.secrets).toEqual([]);
  expect(loadConfig({ HOME: '/', TESSERA_WEBHOOK_SECRET: `${fresh}, ${old}` }).webhooks.secrets).toEqual([fresh, old]);
  for (const wrong of ['secret', 'whsec_', `whsec_${'A'.repeat(31)}`, `whsec_${Buffer.alloc(65).toString('base64')}`])
    expect(() => loadConfig({ HOME: '/', TESSERA_WEBHOOK_SECRET: wrong })).toThrow('TESSERA_WEBHOOK_SECRET');
});
