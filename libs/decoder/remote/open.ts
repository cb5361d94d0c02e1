// What speaks gRPC or HTTP is loaded where it is used: a process that decodes by itself needs none of it.
import type { Decoder } from '../host/client.js';
import type { LanguageModel, RemoteOptions } from './language-model.js';

/**
 * A decoder in another process by `grpc(s)://host:port`, several of them with commas between, or an OpenAI-compatible engine by
 * `http(s)://host/v1`.
 */
export async function connectDecoder(options: RemoteOptions): Promise<LanguageModel> {
  const { url, pack, key, timeoutMs } = options;
  if (/^grpcs?:/.test(url)) {
    const { RemoteDecoder } = await import('./remote-decoder.js');
    const [first = url, ...others] = url.split(',');
    if (others.length === 0) return new RemoteDecoder(first, pack, { key, timeoutMs });
    const { RoutedDecoder } = await import('./routed-decoder.js');
    // Whoever can ask another one does not wait for this one.
    const options = { key, timeoutMs, resend: false };
    return new RoutedDecoder(
      [first, ...others].map((name) => ({ name, model: new RemoteDecoder(name, pack, options) })),
    );
  }
  const { openEngine } = await import('../openai/engine.js');
  return openEngine(options);
}

export interface ServedDecoder {
  /** `host:port`. */
  address: string;
  close(graceMs?: number): Promise<void>;
}

/** Lets other processes use a decoder of this one, by gRPC. Does not own it. */
export async function serveDecoder(
  decoder: Decoder,
  { host, port, key }: { host: string; port: number; key?: string | undefined },
): Promise<ServedDecoder> {
  const [{ decoderService }, { serveRpc }] = await Promise.all([import('./service.js'), import('#rpc')]);
  return serveRpc(host, port, [decoderService(decoder, { key })]);
}
