// Original file: proto/tessera/v1/media.proto

import type { Long } from '@grpc/proto-loader';

export interface Medium {
  'id'?: (string);
  'name'?: (string);
  'kind'?: (string);
  'mimeType'?: (string);
  'bytes'?: (number | string | Long);
  'createdAt'?: (number | string | Long);
}

export interface Medium__Output {
  'id': (string);
  'name': (string);
  'kind': (string);
  'mimeType': (string);
  'bytes': (number);
  'createdAt': (number);
}
