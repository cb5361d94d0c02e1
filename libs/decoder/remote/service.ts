import { timingSafeEqual } from 'node:crypto';
import { TesseraError } from '#contracts';
import { DecoderService, service, type Call, type DecoderHandlers, type Service } from '#rpc';
import type { Decoder } from '../host/client.js';
import { toGenerateEvent } from './event.js';
import { fromGenerateRequest } from './request.js';

export interface DecoderServiceOptions {
  /** Asked of every caller, when there is one. */
  key?: string | undefined;
}

function authorise({ header }: Call, key: string | undefined): void {
  if (key === undefined) return;
  const wanted = Buffer.from(`Bearer ${key}`);
  const given = Buffer.from(header('authorization') ?? '');
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
    throw new TesseraError('unauthorized', 'The decoder asks for the key of TESSERA_DECODER_KEY.');
}

/** A decoder of this process for callers in others. */
export function decoderService(decoder: Decoder, { key }: DecoderServiceOptions = {}): Service {
  return service<DecoderHandlers>(DecoderService.service, {
    async *Generate(request, call) {
      authorise(call, key);
      if (request.pack !== '' && request.pack !== decoder.id)
        throw new TesseraError(
          'configuration',
          'The decoder runs another model pack than its caller: set TESSERA_PACK to the same on both.',
        );
      for await (const event of decoder.generate(fromGenerateRequest(request), call.signal))
        yield toGenerateEvent(event);
    },
    async CountTokens({ text }, call) {
      authorise(call, key);
      return { tokens: decoder.countTokens(text) };
    },
    async Stats(_request, call) {
      authorise(call, key);
      return decoder.stats();
    },
  });
}
