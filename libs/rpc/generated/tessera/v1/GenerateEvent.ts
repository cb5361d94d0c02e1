// Original file: proto/tessera/v1/decoder.proto

import type { Prefill as _tessera_v1_Prefill, Prefill__Output as _tessera_v1_Prefill__Output } from '../../tessera/v1/Prefill.js';
import type { Token as _tessera_v1_Token, Token__Output as _tessera_v1_Token__Output } from '../../tessera/v1/Token.js';
import type { Done as _tessera_v1_Done, Done__Output as _tessera_v1_Done__Output } from '../../tessera/v1/Done.js';

export interface GenerateEvent {
  'prefill'?: (_tessera_v1_Prefill | null);
  'token'?: (_tessera_v1_Token | null);
  'done'?: (_tessera_v1_Done | null);
  'event'?: "prefill"|"token"|"done";
}

export interface GenerateEvent__Output {
  'prefill'?: (_tessera_v1_Prefill__Output | null);
  'token'?: (_tessera_v1_Token__Output | null);
  'done'?: (_tessera_v1_Done__Output | null);
  'event'?: "prefill"|"token"|"done";
}
