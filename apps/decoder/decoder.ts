import { serveDecoder } from '#decoder';
import { openDecoder } from '#pipeline';
import { serveHealth, type Config } from '#platform';
import { installPack, settleMalloc } from '#runtime';

/** Where workers look for it, in the containers too. */
export const DEFAULT_PORT = 50051;

/** Owns the pages of the decoder and serves it to workers by gRPC. It needs neither database nor queue. */
export async function startDecoder(config: Config): Promise<{ greeting: string; close(): Promise<void> }> {
  const { cacheDir, dataDir, hub, http } = config;
  settleMalloc(config.runtime);
  const decoder = await openDecoder(await installPack(config.pack, { cacheDir, dataDir, hub }), config);
  try {
    const port = config.grpc.port ?? DEFAULT_PORT;
    const served = await serveDecoder(decoder, { host: http.host, port, key: config.decoder.key });
    const checks = { decoder: () => decoder.stats() };
    const health = await serveHealth({ ...http, checks });
    return {
      greeting: `The decoder listens on grpc://${served.address}; its health and metrics are at ${health.url}`,
      close: async () => {
        health.drain();
        await served.close(http.drainSeconds * 1000);
        await decoder.dispose();
        await health.close();
      },
    };
  } catch (error) {
    await decoder.dispose();
    throw error;
  }
}
