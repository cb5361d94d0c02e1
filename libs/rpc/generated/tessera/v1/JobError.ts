// Original file: proto/tessera/v1/jobs.proto


export interface JobError {
  'code'?: (string);
  'message'?: (string);
  'param'?: (string);
}

export interface JobError__Output {
  'code': (string);
  'message': (string);
  'param': (string);
}
