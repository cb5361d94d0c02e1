// Original file: proto/tessera/v1/media.proto


export interface DownloadRequest {
  'id'?: (string);
}

export interface DownloadRequest__Output {
  'id': (string);
}
