// A worker process that ingests and hears with the real models; tells every stretch that it keeps, until a line comes on stdin.
import { once } from 'node:events';
import { Jobs } from '#jobs';
import { createHandlers, Models } from '#pipeline';
import { loadConfig } from '#platform';
import { openStore } from '#storage';
import { moonshinePack } from '../speech-pack.js';

const config = loadConfig();
const { database, records, blobs, close } = await openStore(config);
const put = records.putArtifact.bind(records);
records.putArtifact = async (key, value) => {
  await put(key, value);
  if (typeof value === 'object' && value !== null && 'tokens' in value) console.log(`kept ${key}`);
};
const jobs = await Jobs.open({ config, connection: database.connection });
const models = new Models(moonshinePack, config);
jobs.host(createHandlers({ config, blobs, records, models }));
console.log('ready');
await once(process.stdin, 'data');
await jobs.close({ graceMs: 200 });
await models.dispose();
await close();
process.exit(0);
