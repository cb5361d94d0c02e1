// Original file: proto/tessera/v1/decoder.proto


export interface CountTokensRequest {
  'text'?: (string);
}

export interface CountTokensRequest__Output {
  'text': (string);
}
