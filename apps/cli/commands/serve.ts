import { createApi } from '../../api/index.js';
import { formatTranscript, openTessera } from '#pipeline';
import type { Config } from '#platform';
import { note } from '../output/print.js';

/** All roles in one process on one port, until SIGINT or SIGTERM; then running work is finished. */
export async function serve(config: Config): Promise<number> {
  const tessera = await openTessera(config);
  const api = await createApi({ ...tessera, formatTranscript });
  await api.listen(config.http.port, config.http.host);
  const url = await api.getUrl();
  note(`Tessera listens on ${url}  (API reference: ${url}/docs)`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  note('Stopping: running work is finished first.');
  await api.close();
  await tessera.close();
  return 0;
}
