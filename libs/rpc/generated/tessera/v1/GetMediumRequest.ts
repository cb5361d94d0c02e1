// Original file: proto/tessera/v1/media.proto


export interface GetMediumRequest {
  'id'?: (string);
}

export interface GetMediumRequest__Output {
  'id': (string);
}
