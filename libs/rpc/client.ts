import {
  credentials,
  Metadata,
  type CallOptions,
  type ClientReadableStream,
  type ChannelCredentials,
  type ServiceError,
} from '@grpc/grpc-js';
import { traceCarrier } from '#platform';
import { fromStatus } from './errors.js';
import { MAX_MESSAGE_BYTES } from './limits.js';
import { Decoder } from './proto.js';
import type { CountTokensRequest } from './generated/tessera/v1/CountTokensRequest.js';
import type { DecoderClient as GeneratedClient } from './generated/tessera/v1/Decoder.js';
import type { GenerateEvent__Output } from './generated/tessera/v1/GenerateEvent.js';
import type { GenerateRequest } from './generated/tessera/v1/GenerateRequest.js';
import type { StatsResponse__Output } from './generated/tessera/v1/StatsResponse.js';

/**
 * A call is sent again only when no decoder had begun to answer it: after UNAVAILABLE, before the first message. What broke off
 * later fails, and its job is tried again by the queue.
 */
const SERVICE_CONFIG = JSON.stringify({
  loadBalancingConfig: [{ round_robin: {} }],
  methodConfig: [
    {
      name: [{ service: 'tessera.v1.Decoder' }],
      retryPolicy: {
        maxAttempts: 5,
        initialBackoff: '0.5s',
        maxBackoff: '8s',
        backoffMultiplier: 3,
        retryableStatusCodes: ['UNAVAILABLE'],
      },
    },
  ],
});

const CHANNEL = {
  'grpc.service_config': SERVICE_CONFIG,
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  // What is larger than these is never sent again. They are bounds: a call keeps its own message, until the decoder begins to answer.
  'grpc.per_rpc_retry_buffer_size': MAX_MESSAGE_BYTES,
  'grpc.retry_buffer_size': 16 * MAX_MESSAGE_BYTES,
  // A decoder that comes back is found within two seconds, and one whose machine has gone within thirty.
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 2000,
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
} as const;

export interface RpcClientOptions {
  /** Sent as `authorization: Bearer …`. */
  key?: string | undefined;
  /** For a whole call, in milliseconds. */
  timeoutMs: number;
  /** Whether a call that did not reach the decoder is sent again for some seconds; it is unless told. */
  resend?: boolean;
}

/** Calls the decoders behind one address. */
export class DecoderRpc {
  private readonly client: GeneratedClient;

  /** @param url `grpc://host:port`, or `grpcs://` with TLS; a name with several addresses is several decoders, taken in turn */
  constructor(
    private readonly url: string,
    private readonly options: RpcClientOptions,
  ) {
    const { protocol, host } = new URL(url);
    const channel: ChannelCredentials = protocol === 'grpcs:' ? credentials.createSsl() : credentials.createInsecure();
    const resend = this.options.resend === false ? 0 : 1;
    this.client = new Decoder(`dns:///${host}`, channel, { ...CHANNEL, 'grpc.enable_retries': resend });
  }

  /** Throws the decoder's own error, `decoder_failed` when the connection broke or the decoder left, `timeout`, or `cancelled` after `signal`. */
  async *generate(request: GenerateRequest, signal?: AbortSignal): AsyncGenerator<GenerateEvent__Output> {
    signal?.throwIfAborted();
    const call = this.client.Generate(request, this.metadata(), this.deadline());
    const cancel = (): void => call.cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      for await (const event of call as ClientReadableStream<GenerateEvent__Output>)
        yield event as GenerateEvent__Output;
    } catch (error) {
      throw fromStatus(error, `The decoder at ${this.url}`, signal);
    } finally {
      signal?.removeEventListener('abort', cancel);
      // Whoever stops reading wants no more to be written.
      call.cancel();
    }
  }

  async countTokens(request: CountTokensRequest): Promise<number> {
    const { tokens } = await this.once<{ tokens: number }>((metadata, options, done) =>
      this.client.CountTokens(request, metadata, options, done),
    );
    return tokens;
  }

  stats(): Promise<StatsResponse__Output> {
    return this.once((metadata, options, done) => this.client.Stats({}, metadata, options, done));
  }

  /** A call with one response. */
  private once<T>(
    call: (metadata: Metadata, options: CallOptions, done: (error: ServiceError | null, response?: T) => void) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      call(this.metadata(), this.deadline(), (error, response) => {
        if (error || !response) reject(fromStatus(error, `The decoder at ${this.url}`));
        else resolve(response);
      });
    });
  }

  close(): void {
    this.client.close();
  }

  private metadata(): Metadata {
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(traceCarrier() ?? {})) metadata.set(name, value);
    if (this.options.key) metadata.set('authorization', `Bearer ${this.options.key}`);
    return metadata;
  }

  private deadline(): CallOptions {
    return { deadline: Date.now() + this.options.timeoutMs };
  }
}
