// Original file: proto/tessera/v1/decoder.proto

import type { Alternative as _tessera_v1_Alternative, Alternative__Output as _tessera_v1_Alternative__Output } from '../../tessera/v1/Alternative.js';

export interface TokenLogprob {
  'token'?: (string);
  'logprob'?: (number | string);
  'top'?: (_tessera_v1_Alternative)[];
}

export interface TokenLogprob__Output {
  'token': (string);
  'logprob': (number);
  'top': (_tessera_v1_Alternative__Output)[];
}
