// Opens the database of a folder, says so, waits for a line on stdin, then closes it (or not, with the words "crash" and "exit").
import { once } from 'node:events';
import { openDatabase } from '#storage';

const [dataDir = ''] = process.argv.slice(2);
const start = performance.now();
const database = await openDatabase({ dataDir, database: { url: undefined } });
const { rows } = await database.pool.query<{ pid: number }>('select pg_backend_pid() as pid');
console.log(JSON.stringify({ openMs: performance.now() - start, backend: rows[0]?.pid }));
const [order] = (await once(process.stdin, 'data')) as [Buffer];
if (order.toString().includes('crash')) process.kill(process.pid, 'SIGKILL');
if (order.toString().includes('exit')) process.exit(0);
const closing = performance.now();
await database.close();
console.log(JSON.stringify({ closeMs: performance.now() - closing }));
process.exit(0);
