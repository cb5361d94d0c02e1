// Original file: proto/tessera/v1/jobs.proto

import type { Source as _tessera_v1_Source, Source__Output as _tessera_v1_Source__Output } from '../../tessera/v1/Source.js';

export interface Question {
  'question'?: (string);
  'sources'?: (_tessera_v1_Source)[];
  'maxTokens'?: (number);
  'selectedTokens'?: (number);
  'detail'?: (string);
  '_maxTokens'?: "maxTokens";
  '_selectedTokens'?: "selectedTokens";
}

export interface Question__Output {
  'question': (string);
  'sources': (_tessera_v1_Source__Output)[];
  'maxTokens'?: (number);
  'selectedTokens'?: (number);
  'detail': (string);
  '_maxTokens'?: "maxTokens";
  '_selectedTokens'?: "selectedTokens";
}
