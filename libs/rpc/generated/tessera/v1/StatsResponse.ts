// Original file: proto/tessera/v1/decoder.proto

import type { Pool as _tessera_v1_Pool, Pool__Output as _tessera_v1_Pool__Output } from '../../tessera/v1/Pool.js';
import type { Long } from '@grpc/proto-loader';

export interface StatsResponse {
  'running'?: (number);
  'pool'?: (_tessera_v1_Pool | null);
  'kvBytes'?: (number | string | Long);
  'workingSetBytes'?: (number | string | Long);
  'spillBytes'?: (number | string | Long);
}

export interface StatsResponse__Output {
  'running': (number);
  'pool': (_tessera_v1_Pool__Output | null);
  'kvBytes': (number);
  'workingSetBytes': (number);
  'spillBytes': (number);
}
