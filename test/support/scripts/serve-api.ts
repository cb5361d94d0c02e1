// The whole service on a data folder, with the test handlers; says its URL, and serves until a line comes on stdin.
import { once } from 'node:events';
import { formatTranscript } from '#contracts';
import { Jobs } from '#jobs';
import { loadConfig } from '#platform';
import { openStore } from '#storage';
import { createApi } from '../../../apps/api/index.js';
import { testHandlers } from '../handlers.js';

const config = loadConfig();
const { database, records, blobs, close } = await openStore(config);
const jobs = await Jobs.open({ config, connection: database.connection });
jobs.host({
  ...testHandlers(),
  'media.extract': async ({ part: { type } }) => {
    const { id } = await blobs.put(Buffer.from(type));
    return { blob: id, mimeType: type === 'frame' ? 'image/jpeg' : 'video/mp4' };
  },
});
const app = await createApi({ config, jobs, records, blobs, formatTranscript });
await app.listen(0, '127.0.0.1');
console.log(await app.getUrl());
await once(process.stdin, 'data');
await app.close();
await jobs.close({ graceMs: 200 });
await close();
process.exit(0);
