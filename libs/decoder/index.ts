export { createDecoder, type Decoder, type DecoderOptions } from './host/client.js';
export type { DecoderStats } from './host/messages.js';
