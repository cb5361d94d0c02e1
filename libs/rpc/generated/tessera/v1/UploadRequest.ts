// Original file: proto/tessera/v1/media.proto


export interface UploadRequest {
  'name'?: (string);
  'data'?: (Buffer | Uint8Array | string);
}

export interface UploadRequest__Output {
  'name': (string);
  'data': (Buffer);
}
