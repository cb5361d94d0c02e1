// Original file: proto/tessera/v1/decoder.proto


export interface Text {
  'text'?: (string);
  'special'?: (boolean);
}

export interface Text__Output {
  'text': (string);
  'special': (boolean);
}
