// Original file: proto/tessera/v1/decoder.proto


export interface Usage {
  'promptTokens'?: (number);
  'selectedTokens'?: (number);
  'completionTokens'?: (number);
  'cachedTokens'?: (number);
}

export interface Usage__Output {
  'promptTokens': (number);
  'selectedTokens': (number);
  'completionTokens': (number);
  'cachedTokens': (number);
}
