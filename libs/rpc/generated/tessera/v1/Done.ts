// Original file: proto/tessera/v1/decoder.proto

import type { FinishReason as _tessera_v1_FinishReason, FinishReason__Output as _tessera_v1_FinishReason__Output } from '../../tessera/v1/FinishReason.js';
import type { Usage as _tessera_v1_Usage, Usage__Output as _tessera_v1_Usage__Output } from '../../tessera/v1/Usage.js';
import type { Timings as _tessera_v1_Timings, Timings__Output as _tessera_v1_Timings__Output } from '../../tessera/v1/Timings.js';

export interface Done {
  'text'?: (string);
  'finishReason'?: (_tessera_v1_FinishReason);
  'usage'?: (_tessera_v1_Usage | null);
  'evidence'?: (number | string)[];
  'timings'?: (_tessera_v1_Timings | null);
}

export interface Done__Output {
  'text': (string);
  'finishReason': (_tessera_v1_FinishReason__Output);
  'usage': (_tessera_v1_Usage__Output | null);
  'evidence': (number)[];
  'timings': (_tessera_v1_Timings__Output | null);
}
