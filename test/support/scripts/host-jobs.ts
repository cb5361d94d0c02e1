// A worker process: hosts the test handlers on a shared queue until a line comes on stdin.
import { once } from 'node:events';
import { Jobs } from '#jobs';
import { loadConfig } from '#platform';
import { openDatabase } from '#storage';
import { testHandlers } from '../handlers.js';

const config = loadConfig();
const database = await openDatabase(config);
const jobs = await Jobs.open({ config, connection: database.connection, scope: process.argv[2] });
const seen = { aborted: [] as string[], started: [] as string[] };
jobs.host(testHandlers(seen));
console.log('ready');
setInterval(() => {
  for (const name of seen.started.splice(0)) console.log(`started ${name}`);
  for (const name of seen.aborted.splice(0)) console.log(`aborted ${name}`);
}, 5);
await once(process.stdin, 'data');
await jobs.close({ graceMs: 200 });
await database.close();
process.exit(0);
