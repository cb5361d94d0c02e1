// Original file: proto/tessera/v1/decoder.proto


export interface Alternative {
  'token'?: (string);
  'logprob'?: (number | string);
}

export interface Alternative__Output {
  'token': (string);
  'logprob': (number);
}
