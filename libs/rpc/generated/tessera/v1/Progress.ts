// Original file: proto/tessera/v1/jobs.proto


export interface Progress {
  'stage'?: (string);
  'percent'?: (number | string);
}

export interface Progress__Output {
  'stage': (string);
  'percent': (number);
}
