export { createDecoder, type Decoder, type DecoderOptions } from './host/client.js';
export type { DecoderStats } from './host/messages.js';
export { describeSteps } from './kernel/native/addon.js';
export type { LanguageModel, RemoteOptions } from './remote/language-model.js';
export { connectDecoder, serveDecoder, type ServedDecoder } from './remote/open.js';
