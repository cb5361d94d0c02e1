import { expect, test } from 'vitest';
import { SignedLinks } from './signed-links.js';

const medium = 'a'.repeat(64);
/** A second behind a step. */
const NOW = 1_800_000_001_000;

function links(auth = true, tenants = ['ada', 'bob']) {
  const kept = new Map<string, unknown>();
  const records = {
    getArtifact: async (key: string) => kept.get(key),
    putArtifact: async (key: string, value: unknown) => void (kept.has(key) || kept.set(key, value)),
    mediaTenants: async (id: string) => (id === medium ? tenants : []),
  };
  return new SignedLinks({ config: { admission: { auth } }, records } as never);
}

test.each([`/v1/media/${medium}/frame`, `/v1/media/${medium}/frame?t=1.5`, `/v1/media/${medium}/clip?start=0&end=2`])(
  '%s is shown to whom it was made for, until its time is over',
  async (path) => {
    const signed = links();
    const url = await signed.link('bob', path, NOW);
    expect(url.startsWith(path)).toBe(true);
    expect(url).not.toContain('bob');
    expect(await signed.tenantOf(url, NOW)).toBe('bob');
    expect(await signed.tenantOf(url, NOW + 3_600_000)).toBe('bob');
    expect(await signed.tenantOf(url, NOW + 4_300_000)).toBeUndefined();
    expect(await signed.link('bob', path, NOW + 1000)).toBe(url);
    expect(await links().tenantOf(url, NOW)).toBeUndefined();
  },
);

test('nothing about a link can be changed', async () => {
  const signed = links();
  const url = await signed.link('ada', `/v1/media/${medium}/clip?start=0&end=2`, NOW);
  const changed = [
    url.replace('end=2', 'end=3'),
    url.replace('clip', 'frame'),
    url.replace('/clip', '/content'),
    url.replaceAll('a'.repeat(64), 'b'.repeat(64)),
    url.replace(/expires=\d/, 'expires=2'),
    url.replace(/expires=\d+&/, ''),
    url.replace(/.$/, (last) => (last === 'A' ? 'E' : 'A')),
    url.replace(/signature=.*/, 'signature='),
    `${url}&end=3`,
    `${url}x`,
  ];
  for (const each of changed) expect([each, await signed.tenantOf(each, NOW)]).toEqual([each, undefined]);
});

test('where no keys are asked for, links are plain', async () => {
  expect(await links(false).link('local', `/v1/media/${medium}/frame`)).toBe(`/v1/media/${medium}/frame`);
});
