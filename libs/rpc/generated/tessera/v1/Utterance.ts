// Original file: proto/tessera/v1/jobs.proto


export interface Utterance {
  'start'?: (number | string);
  'end'?: (number | string);
  'text'?: (string);
}

export interface Utterance__Output {
  'start': (number);
  'end': (number);
  'text': (string);
}
