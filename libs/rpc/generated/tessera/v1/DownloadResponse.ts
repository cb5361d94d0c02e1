// Original file: proto/tessera/v1/media.proto


export interface DownloadResponse {
  'data'?: (Buffer | Uint8Array | string);
}

export interface DownloadResponse__Output {
  'data': (Buffer);
}
