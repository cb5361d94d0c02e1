import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
} from '@opentelemetry/api';

/** A place in a trace as it travels: W3C's `traceparent` (https://www.w3.org/TR/trace-context). */
export type TraceCarrier = Record<string, string>;

export interface SpanOptions {
  kind?: 'server' | 'consumer' | 'internal';
  /** Where it goes on from; the work that is being done when absent. */
  from?: Readonly<Record<string, unknown>> | undefined;
  /** Names after OpenTelemetry's semantic conventions, or `tessera.…`. */
  attributes?: Attributes;
}

/** A piece of work that is being traced. */
export interface TracedWork {
  /** Runs what belongs to it. */
  within<T>(work: () => T): T;
  end(outcome?: { attributes?: Attributes; error?: unknown }): void;
}

const KINDS = { server: SpanKind.SERVER, consumer: SpanKind.CONSUMER, internal: SpanKind.INTERNAL };

let on = false;

/**
 * Sends traces by OTLP over HTTP to `endpoint` from now on; resolves to what sends the rest and stops. Without an endpoint nothing
 * is loaded, and tracing costs a comparison.
 */
export async function startTraces(endpoint: string | undefined, service: string): Promise<() => Promise<void>> {
  if (endpoint === undefined) return () => Promise.resolve();
  const [
    { NodeTracerProvider, BatchSpanProcessor },
    { OTLPTraceExporter },
    { defaultResource, resourceFromAttributes },
  ] = await Promise.all([
    import('@opentelemetry/sdk-trace-node'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` });
  const provider = new NodeTracerProvider({
    resource: defaultResource().merge(resourceFromAttributes({ 'service.name': service })),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  provider.register();
  on = true;
  return async () => {
    on = false;
    // A collector that is away must not keep the process from ending.
    await provider.shutdown().catch(() => undefined);
    for (const api of [trace, context, propagation]) api.disable();
  };
}

/** The place of the work that is being done; undefined when nothing is traced. */
export function traceCarrier(): TraceCarrier | undefined {
  if (!on) return undefined;
  const carrier: TraceCarrier = {};
  propagation.inject(context.active(), carrier);
  return carrier['traceparent'] === undefined ? undefined : carrier;
}

/** Undefined when nothing is traced. */
export function beginWork(
  name: string,
  { kind = 'internal', from, attributes }: SpanOptions = {},
): TracedWork | undefined {
  if (!on) return undefined;
  const parent: Context = from ? propagation.extract(ROOT_CONTEXT, from) : context.active();
  const span = trace
    .getTracer('tessera')
    .startSpan(name, { kind: KINDS[kind], ...(attributes ? { attributes } : {}) }, parent);
  const inside = trace.setSpan(parent, span);
  return {
    within: (work) => context.with(inside, work),
    end: ({ attributes: more, error } = {}) => {
      if (more) span.setAttributes(more);
      if (error !== undefined)
        span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
      span.end();
    },
  };
}

/** Work as a span below what is being done; the work alone when nothing is traced. */
export async function traced<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
  const span = beginWork(name, { attributes });
  if (!span) return work();
  try {
    const value = await span.within(work);
    span.end();
    return value;
  } catch (error) {
    span.end({ error });
    throw error;
  }
}

/** Work of another thread, told when it was over, as a span below what is being done. Unix times in milliseconds. */
export function recordWork(name: string, { start, end }: { start: number; end: number }, attributes: Attributes): void {
  if (on) trace.getTracer('tessera').startSpan(name, { startTime: start, attributes }).end(end);
}
