export { openTessera, type OpenOptions, type Tessera } from './tessera.js';
export { createHandlers } from './handlers.js';
export { Models, openDecoder } from './models/models.js';
export type { Stage } from './context.js';
export { bm25 } from './answer/words/lexical.js';
export { timecode } from './compose/timecode.js';
