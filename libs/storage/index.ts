export { openDatabase, type Database } from './database.js';
export { Records, type MediaRecord } from './records.js';
export { Blobs, type Blob, type PutOptions } from './blobs.js';
