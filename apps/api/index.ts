export { createApi } from './api.js';
export { startApi, startEdge, type Edge } from './start.js';
export type { ApiParts } from './parts.js';
