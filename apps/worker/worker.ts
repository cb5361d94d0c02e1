import { openTessera } from '#pipeline';
import { serveHealth, type Config } from '#platform';

/** Runs jobs: ffmpeg, sharp and the encoders; the decoder too, unless TESSERA_DECODER_URL names another. */
export async function startWorker(config: Config): Promise<{ greeting: string; close(): Promise<void> }> {
  const tessera = await openTessera(config);
  try {
    const { host, port } = config.http;
    const checks = { database: () => tessera.records.ping(), queue: () => tessera.jobs.count(['queued']) };
    const health = await serveHealth({ host, port, checks });
    return {
      greeting: `A worker takes jobs; its health and metrics are at ${health.url}`,
      close: async () => {
        health.drain();
        await tessera.close();
        await health.close();
      },
    };
  } catch (error) {
    await tessera.close();
    throw error;
  }
}
