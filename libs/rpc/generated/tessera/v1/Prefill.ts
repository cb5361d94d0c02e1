// Original file: proto/tessera/v1/decoder.proto


export interface Prefill {
  'done'?: (number);
  'total'?: (number);
}

export interface Prefill__Output {
  'done': (number);
  'total': (number);
}
