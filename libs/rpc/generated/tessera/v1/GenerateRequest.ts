// Original file: proto/tessera/v1/decoder.proto

import type { SequencePart as _tessera_v1_SequencePart, SequencePart__Output as _tessera_v1_SequencePart__Output } from '../../tessera/v1/SequencePart.js';
import type { Segment as _tessera_v1_Segment, Segment__Output as _tessera_v1_Segment__Output } from '../../tessera/v1/Segment.js';
import type { Sampling as _tessera_v1_Sampling, Sampling__Output as _tessera_v1_Sampling__Output } from '../../tessera/v1/Sampling.js';
import type { Long } from '@grpc/proto-loader';

export interface GenerateRequest {
  'prefix'?: (_tessera_v1_SequencePart)[];
  'segments'?: (_tessera_v1_Segment)[];
  'question'?: (_tessera_v1_SequencePart)[];
  'sampling'?: (_tessera_v1_Sampling | null);
  'selectedTokens'?: (number);
  'prior'?: (number | string)[];
  'drafts'?: (boolean);
  'batch'?: (boolean);
  'pack'?: (string);
  'keepBytes'?: (number | string | Long);
  'enoughTokens'?: (number);
  '_selectedTokens'?: "selectedTokens";
  '_drafts'?: "drafts";
  '_keepBytes'?: "keepBytes";
  '_enoughTokens'?: "enoughTokens";
}

export interface GenerateRequest__Output {
  'prefix': (_tessera_v1_SequencePart__Output)[];
  'segments': (_tessera_v1_Segment__Output)[];
  'question': (_tessera_v1_SequencePart__Output)[];
  'sampling': (_tessera_v1_Sampling__Output | null);
  'selectedTokens'?: (number);
  'prior': (number)[];
  'drafts'?: (boolean);
  'batch': (boolean);
  'pack': (string);
  'keepBytes'?: (number);
  'enoughTokens'?: (number);
  '_selectedTokens'?: "selectedTokens";
  '_drafts'?: "drafts";
  '_keepBytes'?: "keepBytes";
  '_enoughTokens'?: "enoughTokens";
}
