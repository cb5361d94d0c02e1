export { openTessera, type OpenOptions, type Tessera } from './tessera.js';
export { createHandlers } from './handlers.js';
export { Models } from './models/models.js';
export type { Stage } from './context.js';
export { bm25 } from './answer/lexical.js';
export { timecode } from './compose/timecode.js';
export { formatTranscript, TRANSCRIPT_MIME } from './transcript/format.js';
