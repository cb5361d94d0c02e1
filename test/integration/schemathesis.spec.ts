import { chmodSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tempFolder } from '../support/cli.js';
import { python, pythonPrograms } from '../support/python-clients.js';
import { runScript, type Script } from '../support/script.js';

/** Seconds that requests are made up for. */
const BUDGET = 75;

const folder = tempFolder('schemathesis');
let server: Script;
let url: string;

beforeAll(async () => {
  pythonPrograms();
  chmodSync(folder, 0o711);
  const env = {
    HOME: folder,
    TESSERA_DATA_DIR: folder,
    TESSERA_MAX_JOBS_PER_KEY: '100000',
    TESSERA_LOG_LEVEL: 'error',
  };
  server = runScript(new URL('../support/scripts/serve-api.ts', import.meta.url), [], env);
  url = await server.line();
}, 300_000);
afterAll(async () => {
  server.child.stdin?.write('\n');
  await server.ended;
  rmSync(folder, { recursive: true, force: true });
});

test('whatever is made up from the OpenAPI document, no answer is a 5xx or breaks the document', async () => {
  // Not use_after_free: DELETE of a job cancels it, and it can be read afterwards.
  const checks = [
      'not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_headers_conformance',
      'response_schema_conformance', 'ensure_resource_availability',
    ]; // prettier-ignore
  // One worker: Python before 3.12 refuses to parse code in two threads at once now and then ("AST constructor recursion depth mismatch").
  const args = ['run', `${url}/docs/json`, '--checks', checks.join(','), '--max-time', String(BUDGET), '--seed', '6', '--request-timeout', '30', '--workers', '1', '--suppress-health-check', 'all', '--continue-on-failure', '--warnings', 'off']; // prettier-ignore
  const { code, output } = await python('schemathesis', args, { cwd: folder });
  expect(code, output.slice(-4000)).toBe(0);
  expect(output).toMatch(/\d+ generated/);
  expect(await (await fetch(`${url}/health/ready`)).json()).toMatchObject({ status: 'ok' });
}, 180_000);
