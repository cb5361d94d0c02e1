import { afterAll, beforeAll, expect, test } from 'vitest';
import { startApi, type TestApi } from '../support/api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'content-security-policy':
    "default-src 'self';style-src 'self' 'unsafe-inline';img-src 'self' data:;object-src 'none';base-uri 'none';form-action 'self';frame-ancestors 'none'",
};

test('answers, errors, streams and pages carry them', async () => {
  const stream = { method: 'POST', body: '{"messages":[{"role":"user","content":"Hi"}],"stream":true}' };
  const requests: [string, RequestInit, number, string][] = [
    ['/v1/models', {}, 200, 'application/json'],
    ['/v1/nothing', {}, 404, 'application/json'],
    ['/v1/chat/completions', { ...stream, headers: { 'content-type': 'application/json' } }, 200, 'text/event-stream'],
    ['/docs', {}, 200, 'text/html'],
  ];
  for (const [path, init, status, type] of requests) {
    const response = await fetch(api.url + path, init);
    await response.text();
    expect([path, response.status]).toEqual([path, status]);
    expect(response.headers.get('content-type')).toContain(type);
    expect(Object.fromEntries(response.headers)).toMatchObject(HEADERS);
    expect(response.headers.get('x-powered-by')).toBeNull();
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  }
});

test('the reference needs nothing that its policy forbids', async () => {
  const page = await (await fetch(`${api.url}/docs`)).text();
  const scripts = [...page.matchAll(/<script([^>]*)>([^<]*)<\/script>/g)];
  expect(scripts.length).toBeGreaterThan(2);
  for (const [, attributes = '', inside = ''] of scripts) {
    expect(inside.trim()).toBe('');
    const source = /src=['"]([^'"]+)['"]/.exec(attributes)?.[1] ?? '';
    const script = await fetch(new URL(source, `${api.url}/docs`));
    expect([source, script.status]).toEqual([source, 200]);
    expect(new URL(source, `${api.url}/docs`).origin).toBe(new URL(api.url).origin);
    expect((await script.text()).length).toBeGreaterThan(100);
  }
  expect(page).not.toMatch(/\son\w+\s*=/);
});
