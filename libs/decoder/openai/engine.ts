import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { TesseraError, type DecodeEvent, type DecodeRequest, type ErrorCode } from '#contracts';
import type { LanguageModel, RemoteOptions } from '../remote/language-model.js';
import { toBody } from './body.js';
import { Exchange } from './exchange.js';
import { toDecodeEvents } from './stream.js';

const ModelList = z.object({ data: z.array(z.object({ id: z.string() })) });
const Failure = z.object({ error: z.union([z.string(), z.object({ message: z.string() })]) });

/** What an engine's refusal means here, by its status; its own words go along. */
const BY_STATUS: Record<number, ErrorCode> = {
  301: 'configuration',
  302: 'configuration',
  307: 'configuration',
  308: 'configuration',
  401: 'configuration',
  403: 'configuration',
  404: 'configuration',
  429: 'overloaded',
  503: 'overloaded',
  504: 'timeout',
};

function refusal({ statusCode: status = 0 }: IncomingMessage, body: string, pictures: boolean): TesseraError {
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
    const exchange = new Exchange(this.options, signal);
    try {
      const response = await exchange.send('chat/completions', body);
      if (!isWell(response)) throw refusal(response, await text(response), body.includes('"image_url"'));
      yield* toDecodeEvents(response, request.segments.length);
    } catch (error) {
      throw exchange.failure(error);
    } finally {
      // Whoever stops reading wants no more to be written.
      exchange.stop();
    }
  }

  async dispose(): Promise<void> {
    // A connection ends with its exchange.
  }
}

const isWell = ({ statusCode = 0 }: IncomingMessage): boolean => statusCode >= 200 && statusCode < 300;

async function firstModel(options: RemoteOptions): Promise<string> {
  const exchange = new Exchange(options);
  try {
    const response = await exchange.send('models');
    const listed = await text(response);
    if (!isWell(response)) throw refusal(response, listed, false);
    const { data } = ModelList.safeParse(parse(listed));
    if (data?.data[0]) return data.data[0].id;
  } catch (error) {
    throw exchange.failure(error);
  } finally {
    exchange.stop();
  }
  const { host } = new URL(options.url);
  throw new TesseraError('configuration', `The engine at ${host} lists no model; name one by TESSERA_DECODER_MODEL.`);
}

/** Asks the engine for its models, unless one is named. Throws `decoder_failed` when it does not answer. */
export async function openEngine(options: RemoteOptions): Promise<LanguageModel> {
  return new OpenAiEngine(options, options.model ?? (await firstModel(options)));
}
