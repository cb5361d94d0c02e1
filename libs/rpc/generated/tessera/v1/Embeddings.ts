// Original file: proto/tessera/v1/decoder.proto


export interface Embeddings {
  'data'?: (number | string)[];
  'rows'?: (number);
  'hash'?: (string);
}

export interface Embeddings__Output {
  'data': (number)[];
  'rows': (number);
  'hash': (string);
}
