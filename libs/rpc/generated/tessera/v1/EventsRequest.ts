// Original file: proto/tessera/v1/jobs.proto


export interface EventsRequest {
  'id'?: (string);
  'after'?: (string);
}

export interface EventsRequest__Output {
  'id': (string);
  'after': (string);
}
