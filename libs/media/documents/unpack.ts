import { TesseraError } from '#contracts';
import type { DocumentLimits } from './block.js';

export type UnpackLimits = Pick<DocumentLimits, 'maxEntries' | 'maxUnpackedBytes' | 'maxRatio'>;

/** Whether an entry of an archive is to be unpacked; asked before it is. */
export type Wanted = (name: string, bytes: number) => boolean;

/** The wanted entries of an archive by their paths. */
export type Unpack = (data: Uint8Array, wanted: Wanted, limits: UnpackLimits) => Map<string, Uint8Array>;

export const tooLarge = (what: string): TesseraError =>
  new TesseraError('file_too_large', `The archive has ${what}, which is over the limit.`);
