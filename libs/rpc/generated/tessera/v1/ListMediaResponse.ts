// Original file: proto/tessera/v1/media.proto

import type { Medium as _tessera_v1_Medium, Medium__Output as _tessera_v1_Medium__Output } from '../../tessera/v1/Medium.js';

export interface ListMediaResponse {
  'media'?: (_tessera_v1_Medium)[];
  'hasMore'?: (boolean);
}

export interface ListMediaResponse__Output {
  'media': (_tessera_v1_Medium__Output)[];
  'hasMore': (boolean);
}
