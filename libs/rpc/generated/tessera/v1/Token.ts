// Original file: proto/tessera/v1/decoder.proto

import type { TokenLogprob as _tessera_v1_TokenLogprob, TokenLogprob__Output as _tessera_v1_TokenLogprob__Output } from '../../tessera/v1/TokenLogprob.js';

export interface Token {
  'text'?: (string);
  'logprob'?: (_tessera_v1_TokenLogprob | null);
  '_logprob'?: "logprob";
}

export interface Token__Output {
  'text': (string);
  'logprob'?: (_tessera_v1_TokenLogprob__Output | null);
  '_logprob'?: "logprob";
}
