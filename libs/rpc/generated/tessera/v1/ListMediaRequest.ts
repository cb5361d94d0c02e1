// Original file: proto/tessera/v1/media.proto


export interface ListMediaRequest {
  'limit'?: (number);
  'after'?: (string);
}

export interface ListMediaRequest__Output {
  'limit': (number);
  'after': (string);
}
