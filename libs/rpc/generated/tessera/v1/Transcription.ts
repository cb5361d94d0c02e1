// Original file: proto/tessera/v1/jobs.proto

import type { Source as _tessera_v1_Source, Source__Output as _tessera_v1_Source__Output } from '../../tessera/v1/Source.js';

export interface Transcription {
  'source'?: (_tessera_v1_Source | null);
  'language'?: (string);
  'words'?: (boolean);
}

export interface Transcription__Output {
  'source': (_tessera_v1_Source__Output | null);
  'language': (string);
  'words': (boolean);
}
