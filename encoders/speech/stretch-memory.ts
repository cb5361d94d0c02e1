import { createHash } from 'node:crypto';
import type { Recognition, RecogniseRequest } from './recognition.js';

/**
 * What was recognised before, so that work that broke off goes on behind its last finished stretch.
 * Equal keys mean the same sound and the same settings; the model is for the owner to tell apart.
 */
export interface StretchMemory {
  recall(key: string): Promise<Recognition | undefined>;
  keep(key: string, recognition: Recognition): Promise<void>;
}

/** The content address of a stretch: of its samples and of all that its text depends on besides the model. */
export function stretchKey(samples: Float32Array, settings: Omit<RecogniseRequest, 'utterances' | 'likely'>): string {
  return createHash('sha256')
    .update(JSON.stringify(settings))
    .update(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength))
    .digest('hex');
}
