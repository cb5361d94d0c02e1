// Original file: proto/tessera/v1/decoder.proto

import type { SequencePart as _tessera_v1_SequencePart, SequencePart__Output as _tessera_v1_SequencePart__Output } from '../../tessera/v1/SequencePart.js';

export interface Segment {
  'parts'?: (_tessera_v1_SequencePart)[];
}

export interface Segment__Output {
  'parts': (_tessera_v1_SequencePart__Output)[];
}
