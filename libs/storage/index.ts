export { openDatabase, type Database } from './database.js';
export { Records } from './records/records.js';
export type { MediaRecord } from './records/media.js';
export type { FileRecord, FilePurpose } from './records/files.js';
export type { BatchFault, BatchLine, BatchOutcome, BatchRecord, BatchStatus } from './records/batch.js';
export type { KeyRecord, Scope } from './records/keys.js';
export type { RequestKind, RequestRecord } from './records/requests.js';
export type { DeliveryAttempt, DeliveryRecord, DeliveryState, Settlement } from './records/webhooks.js';
export { Blobs, type Blob, type PutOptions } from './blobs.js';
