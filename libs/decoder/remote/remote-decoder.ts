import type { DecodeEvent, DecodeRequest } from '#contracts';
import { DecoderRpc, type RpcClientOptions } from '#rpc';
import { fromGenerateEvent } from './event.js';
import type { LanguageModel } from './language-model.js';
import { toGenerateRequest } from './request.js';

/** A decoder in another process, over gRPC. Connecting waits for the first request. */
export class RemoteDecoder implements LanguageModel {
  readonly reads = 'embeddings';
  private readonly rpc: DecoderRpc;

  /** @param pack id of the caller's pack, which has to be the decoder's as well */
  constructor(
    url: string,
    private readonly pack: string,
    options: RpcClientOptions,
  ) {
    this.rpc = new DecoderRpc(url, options);
  }

  async *generate(request: DecodeRequest, signal?: AbortSignal): AsyncGenerator<DecodeEvent> {
    for await (const message of this.rpc.generate(toGenerateRequest(request, this.pack), signal)) {
      const event = fromGenerateEvent(message);
      if (event) yield event;
    }
  }

  countTokens(text: string): Promise<number> {
    return this.rpc.countTokens({ text });
  }

  stats(): ReturnType<DecoderRpc['stats']> {
    return this.rpc.stats();
  }

  dispose(): Promise<void> {
    this.rpc.close();
    return Promise.resolve();
  }
}
