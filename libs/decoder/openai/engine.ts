import { z } from 'zod';
import { TesseraError, type DecodeEvent, type DecodeRequest, type ErrorCode } from '#contracts';
import type { LanguageModel, RemoteOptions } from '../remote/language-model.js';
import { toBody } from './body.js';
import { toDecodeEvents } from './stream.js';

const ModelList = z.object({ data: z.array(z.object({ id: z.string() })).min(1) });
const Failure = z.object({ error: z.union([z.string(), z.object({ message: z.string() })]) });

/** What an engine's refusal means here, by its status; its own words go along. */
const BY_STATUS: Record<number, ErrorCode> = {
  401: 'configuration',
  403: 'configuration',
  404: 'configuration',
  429: 'overloaded',
  503: 'overloaded',
  504: 'timeout',
};

function refusal(status: number, body: string, pictures: boolean): TesseraError {
  const { data } = Failure.safeParse(parse(body));
  const words = data ? (typeof data.error === 'string' ? data.error : data.error.message) : `status ${status}`;
  const message = `The engine of TESSERA_DECODER_URL refused: ${words}`;
  if (/context|too long|maximum.*tokens/i.test(words)) return new TesseraError('context_too_long', message);
  if (pictures && /image|mmproj|multimodal|vision/i.test(words)) return new TesseraError('unsupported_media', message);
  const code = BY_STATUS[status] ?? (status < 500 ? 'invalid_request' : 'decoder_failed');
  return new TesseraError(code, message);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An OpenAI-compatible engine: llama.cpp, vLLM, SGLang or a service. Pages, selection and attention are its own affair. */
class OpenAiEngine implements LanguageModel {
  readonly reads = 'pictures';

  constructor(
    private readonly options: RemoteOptions,
    private readonly model: string,
  ) {}

  async *generate(request: DecodeRequest, signal?: AbortSignal): AsyncGenerator<DecodeEvent> {
    const body = JSON.stringify(toBody(request, this.model));
    // Whoever stops reading ends the exchange, and with it the engine's work.
    const stopped = new AbortController();
    const response = await send(this.options, 'chat/completions', { body, signal: either(signal, stopped.signal) });
    try {
      if (!response.ok || !response.body)
        throw refusal(response.status, await response.text(), body.includes('"image_url"'));
      yield* toDecodeEvents(response.body, request.segments.length);
    } catch (error) {
      throw broken(error, this.options, signal);
    } finally {
      stopped.abort();
    }
  }

  async dispose(): Promise<void> {
    // Connections are those of the whole process.
  }
}

const either = (...signals: (AbortSignal | undefined)[]): AbortSignal =>
  AbortSignal.any(signals.filter((signal) => signal !== undefined));

async function send(
  { url, key, timeoutMs }: RemoteOptions,
  path: string,
  { body, signal }: { body?: string; signal?: AbortSignal },
): Promise<Response> {
  try {
    return await fetch(`${url.replace(/\/+$/, '')}/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) },
      ...(body === undefined ? {} : { body }),
      signal: either(signal, AbortSignal.timeout(timeoutMs)),
    });
  } catch (error) {
    throw broken(error, { url, timeoutMs }, signal);
  }
}

function broken(
  error: unknown,
  { url, timeoutMs }: Pick<RemoteOptions, 'url' | 'timeoutMs'>,
  signal?: AbortSignal,
): TesseraError {
  if (error instanceof TesseraError) return error;
  if (signal?.aborted) return new TesseraError('cancelled', 'The work was cancelled.', { cause: error });
  if ((error as Error).name === 'TimeoutError')
    return new TesseraError('timeout', `The engine at ${url} took longer than ${timeoutMs / 1000} s.`, {
      cause: error,
    });
  return new TesseraError('decoder_failed', `The engine at ${url} cannot be reached.`, { cause: error });
}

/** Asks the engine for its models, unless one is named. Throws `decoder_failed` when it does not answer. */
export async function openEngine(options: RemoteOptions): Promise<LanguageModel> {
  if (options.model !== undefined) return new OpenAiEngine(options, options.model);
  const response = await send(options, 'models', {});
  const text = await response.text();
  if (!response.ok) throw refusal(response.status, text, false);
  const { data } = ModelList.safeParse(parse(text));
  if (!data)
    throw new TesseraError('configuration', `${options.url}/models lists no model; name one by TESSERA_DECODER_MODEL.`);
  return new OpenAiEngine(options, data.data[0]?.id ?? '');
}
