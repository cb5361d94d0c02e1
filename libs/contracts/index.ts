export * from './errors.js';
export * from './media.js';
export * from './transcript.js';
export * from './pack.js';
export * from './sequence.js';
export * from './timeline.js';
export * from './jobs.js';
export * from './requests.js';
