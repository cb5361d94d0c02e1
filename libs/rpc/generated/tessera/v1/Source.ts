// Original file: proto/tessera/v1/jobs.proto


export interface Source {
  'medium'?: (string);
  'url'?: (string);
  'source'?: "medium"|"url";
}

export interface Source__Output {
  'medium'?: (string);
  'url'?: (string);
  'source'?: "medium"|"url";
}
