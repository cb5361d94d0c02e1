import { formatTranscript } from '#contracts';
import { Jobs } from '#jobs';
import type { Config } from '#platform';
import { openStore } from '#storage';
import { createApi } from './api.js';
import type { ApiParts } from './parts.js';

export interface Edge {
  greeting: string;
  /** Lets running requests end. */
  close(): Promise<void>;
}

/** Listens on the ports of the configuration. Does not own its parts. */
export async function startEdge(parts: Omit<ApiParts, 'formatTranscript'>): Promise<Edge> {
  const { grpc, http } = parts.config;
  const api = await createApi({ ...parts, formatTranscript });
  try {
    await api.listen(http.port, http.host);
    const rpc =
      grpc.port === undefined ? undefined : await (await import('./rpc/serve.js')).serveEdgeRpc(api, grpc.port);
    const url = await api.getUrl();
    const also = rpc ? `, gRPC on ${rpc.address}` : '';
    return {
      greeting: `Tessera listens on ${url}  (API reference: ${url}/docs)${also}`,
      close: async () => {
        await Promise.all([api.close(), rpc?.close(http.drainSeconds * 1000)]);
      },
    };
  } catch (error) {
    await api.close();
    throw error;
  }
}

/** The edge alone: it admits, stores, enqueues and streams, and loads no models. Workers do the work. */
export async function startApi(config: Config): Promise<Edge> {
  const store = await openStore(config);
  const closers = [() => store.close()];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const jobs = await Jobs.open({ config, connection: store.database.connection });
    closers.push(() => jobs.close());
    const edge = await startEdge({ config, jobs, records: store.records, blobs: store.blobs });
    closers.push(() => edge.close());
    return { greeting: edge.greeting, close };
  } catch (error) {
    await close();
    throw error;
  }
}
