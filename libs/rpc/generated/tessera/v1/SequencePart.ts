// Original file: proto/tessera/v1/decoder.proto

import type { Text as _tessera_v1_Text, Text__Output as _tessera_v1_Text__Output } from '../../tessera/v1/Text.js';
import type { Embeddings as _tessera_v1_Embeddings, Embeddings__Output as _tessera_v1_Embeddings__Output } from '../../tessera/v1/Embeddings.js';

export interface SequencePart {
  'text'?: (_tessera_v1_Text | null);
  'embeddings'?: (_tessera_v1_Embeddings | null);
  'part'?: "text"|"embeddings";
}

export interface SequencePart__Output {
  'text'?: (_tessera_v1_Text__Output | null);
  'embeddings'?: (_tessera_v1_Embeddings__Output | null);
  'part'?: "text"|"embeddings";
}
