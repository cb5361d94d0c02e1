// Original file: proto/tessera/v1/media.proto


export interface DeleteMediumRequest {
  'id'?: (string);
}

export interface DeleteMediumRequest__Output {
  'id': (string);
}
