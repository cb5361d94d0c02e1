// Original file: proto/tessera/v1/jobs.proto

import type { Source as _tessera_v1_Source, Source__Output as _tessera_v1_Source__Output } from '../../tessera/v1/Source.js';

export interface Description {
  'source'?: (_tessera_v1_Source | null);
  'prompt'?: (string);
  'detail'?: (string);
}

export interface Description__Output {
  'source': (_tessera_v1_Source__Output | null);
  'prompt': (string);
  'detail': (string);
}
