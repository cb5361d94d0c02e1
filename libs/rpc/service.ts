import { once } from 'node:events';
import {
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type sendUnaryData,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { TesseraError } from '#contracts';
import { beginWork, createLogger } from '#platform';
import { toStatus } from './errors.js';

const log = createLogger('grpc');

/** What a method knows of its call besides the request. */
export interface Call {
  /** `/package.Service/Method`. */
  path: string;
  /** First value of a metadata key. */
  header(name: string): string | undefined;
  peer: string;
  /** Aborts when the client cancels, goes away, or its deadline is over. */
  signal: AbortSignal;
}

/** A method as a plain function: of a request or a stream of them, to a result or a stream of them. */
type Method<H> =
  H extends handleServerStreamingCall<infer Q, infer R>
    ? (request: Q, call: Call) => AsyncIterable<R>
    : H extends handleClientStreamingCall<infer Q, infer R>
      ? (requests: AsyncIterable<Q>, call: Call) => Promise<R>
      : H extends handleUnaryCall<infer Q, infer R>
        ? (request: Q, call: Call) => Promise<R>
        : never;

/** The methods of a service, by the type of its generated handlers. */
export type Methods<Handlers> = {
  [Name in keyof Handlers as string extends Name ? never : number extends Name ? never : Name]: Method<Handlers[Name]>;
};

type AnyCall = ServerUnaryCall<unknown, unknown> &
  ServerReadableStream<unknown, unknown> &
  ServerWritableStream<unknown, unknown>;
type AnyMethod = (request: unknown, call: Call) => unknown;

function follow(call: AnyCall): { call: Call; end: () => void } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  call.on('cancelled', abort);
  const header = (name: string): string | undefined => call.metadata.get(name)[0]?.toString();
  return {
    call: { path: call.getPath(), peer: call.getPeer(), header, signal: controller.signal },
    end: () => call.off('cancelled', abort),
  };
}

function failed(path: string, thrown: unknown): ReturnType<typeof toStatus> {
  if (TesseraError.from(thrown).code === 'internal') log.error({ path, err: thrown }, 'a call failed');
  return toStatus(thrown);
}

/** Results go out as fast as the client takes them. */
async function pump(results: AsyncIterable<unknown>, call: AnyCall, signal: AbortSignal): Promise<void> {
  for await (const result of results) {
    if (signal.aborted) return;
    if (!call.write(result)) await once(call, 'drain', { signal });
  }
}

function handler(
  method: AnyMethod,
  { requestStream, responseStream }: { requestStream: boolean; responseStream: boolean },
) {
  return async (incoming: AnyCall, callback: sendUnaryData<unknown> = () => undefined): Promise<void> => {
    const { call, end } = follow(incoming);
    const from = { traceparent: call.header('traceparent') };
    const work = beginWork(call.path.slice(1), { kind: 'server', from, attributes: { 'rpc.system': 'grpc' } });
    let fault: unknown;
    const answer = async (): Promise<void> => {
      const result = method(requestStream ? incoming : incoming.request, call);
      if (responseStream) {
        await pump(result as AsyncIterable<unknown>, incoming, call.signal);
        incoming.end();
      } else callback(null, await result);
    };
    try {
      await (work ? work.within(answer) : answer());
    } catch (error) {
      fault = error;
      if (responseStream) incoming.emit('error', failed(call.path, error));
      else callback(failed(call.path, error));
    } finally {
      work?.end({ error: fault });
      end();
    }
  };
}

export interface Service {
  definition: ServiceDefinition;
  implementation: UntypedServiceImplementation;
}

/** Plain functions as a gRPC service: errors become statuses, cancellation an abort, and streams are written with back-pressure. */
export function service<Handlers>(definition: ServiceDefinition, methods: Methods<Handlers>): Service {
  const implementation = Object.fromEntries(
    Object.entries(definition).map(([name, shape]) => [
      name,
      handler((methods as Record<string, AnyMethod>)[name] as AnyMethod, shape),
    ]),
  );
  return { definition, implementation: implementation as unknown as UntypedServiceImplementation };
}
