// Sums the reports that the runners left: vitest's JSON and pytest's JUnit XML. Usage: node .ci/sum.js FOLDER MAKE_STATUS
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder = 'reports', makeStatus = '0'] = process.argv.slice(2);
let passed = 0;
let failed = 0;
let skipped = 0;
const failures = [];

/** The beginning and the end of a message: what the runners printed may be cut off above. */
const short = (message) => (message.length <= 1600 ? message : `${message.slice(0, 600)}\n…\n${message.slice(-1000)}`);

const ENTITIES = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
const unescaped = (text) =>
  text
    .replace(/&#(x?[\da-f]+);/gi, (_, code) => String.fromCodePoint(Number(/^x/i.test(code) ? `0${code}` : code)))
    .replace(/&(lt|gt|quot|apos|amp);/g, (_, name) => ENTITIES[name]);

for (const file of existsSync(folder) ? readdirSync(folder) : []) {
  const text = readFileSync(join(folder, file), 'utf8');
  if (file.endsWith('.json')) {
    const report = JSON.parse(text);
    passed += report.numPassedTests;
    failed += report.numFailedTests;
    skipped += report.numPendingTests;
    for (const { name, assertionResults = [] } of report.testResults ?? [])
      for (const { status, fullName, failureMessages = [] } of assertionResults)
        if (status === 'failed') failures.push(`${name}: ${fullName}\n${short(failureMessages.join('\n'))}`);
  } else if (file.endsWith('.xml')) {
    for (const [, attributes] of text.matchAll(/<testsuite ([^>]*)>/g)) {
      const count = (name) => Number(new RegExp(`${name}="(\\d+)"`).exec(attributes)?.[1] ?? 0);
      const bad = count('failures') + count('errors');
      failed += bad;
      skipped += count('skipped');
      passed += count('tests') - bad - count('skipped');
    }
    for (const [, attributes, , message] of text.matchAll(/<testcase ([^>]*[^/])>\s*<(failure|error)[^>]*>([^<]*)/g)) {
      const named = (name) => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? '';
      failures.push(`${named('classname')}: ${named('name')}\n${short(unescaped(message))}`);
    }
  }
}
// A step that is no test (lint, types, boundaries, build) fails the run as one.
if (makeStatus !== '0' && failed === 0) failed = 1;
if (passed === 0 && failed === 0) failed = 1;
for (const failure of failures) console.log(`FAILED ${failure}\n`);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exit(failed > 0 ? 1 : 0);
