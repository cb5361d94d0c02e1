// Original file: proto/tessera/v1/decoder.proto


export interface Timings {
  'prefillMs'?: (number | string);
  'selectMs'?: (number | string);
  'firstTokenMs'?: (number | string);
  'decodeMs'?: (number | string);
}

export interface Timings__Output {
  'prefillMs': (number);
  'selectMs': (number);
  'firstTokenMs': (number);
  'decodeMs': (number);
}
