// Original file: proto/tessera/v1/decoder.proto


export interface CountTokensResponse {
  'tokens'?: (number);
}

export interface CountTokensResponse__Output {
  'tokens': (number);
}
