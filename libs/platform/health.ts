import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TesseraError } from '#contracts';
import { orAfter } from './deadline.js';
import { renderMetrics } from './metrics.js';

/** Whoever asks gives up after three seconds (deploy/kubernetes) and would not hear which check it was. */
const CHECK_SECONDS = 2;

export interface HealthOptions {
  host: string;
  port: number;
  /** What has to answer for work to be possible. */
  checks: Record<string, () => Promise<unknown>>;
}

export interface HealthServer {
  url: string;
  /** From now on it is not ready. */
  drain(): void;
  close(): Promise<void>;
}

/** Whether work can be taken, and the state of every check in words. */
export async function readiness(
  checks: HealthOptions['checks'],
  draining: boolean,
): Promise<{ status: 'ok' | 'draining' | 'unavailable'; checks: Record<string, string> }> {
  const state = (check: () => Promise<unknown>): Promise<string> => {
    const told = check().then(
      () => 'ok',
      (error: Error) => error.message,
    );
    return orAfter(CHECK_SECONDS * 1000, told, `no answer within ${CHECK_SECONDS} s`);
  };
  const states = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, await state(check)] as const),
  );
  const well = states.every(([, told]) => told === 'ok');
  return { status: draining ? 'draining' : well ? 'ok' : 'unavailable', checks: Object.fromEntries(states) };
}

const listen = ({ host, port }: HealthOptions, server: Server): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new TesseraError('configuration', `Cannot listen on ${host}:${port}: ${error.message}`)),
    );
    server.listen(port, host, resolve);
  });

/** `/health/live`, `/health/startup`, `/health/ready` and `/metrics` of a process that answers no requests of users. They ask for no key. */
export async function serveHealth(options: HealthOptions): Promise<HealthServer> {
  let draining = false;
  const routes: Record<string, () => Promise<[number, string, string]>> = {
    '/health/live': async () => [200, 'application/json', JSON.stringify({ status: 'ok' })],
    // Nobody listens before the start is over.
    '/health/startup': async () => [200, 'application/json', JSON.stringify({ status: 'ok' })],
    '/health/ready': async () => {
      const ready = await readiness(options.checks, draining);
      return [ready.status === 'ok' ? 200 : 503, 'application/json', JSON.stringify(ready)];
    },
    '/metrics': async () => [200, 'text/plain; version=0.0.4; charset=utf-8', await renderMetrics()],
  };
  const server = createServer((request, response) => {
    const route = routes[request.url?.split('?')[0] ?? ''];
    const answer = route ? route() : Promise.resolve([404, 'text/plain', 'not found'] as [number, string, string]);
    answer.then(
      ([status, type, body]) => response.writeHead(status, { 'content-type': type }).end(body),
      () => response.writeHead(500).end(),
    );
  });
  await listen(options, server);
  const { address, port } = server.address() as AddressInfo;
  return {
    url: `http://${address.includes(':') ? `[${address}]` : address}:${port}`,
    drain: () => void (draining = true),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
