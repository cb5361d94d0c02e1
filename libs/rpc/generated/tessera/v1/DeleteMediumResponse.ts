// Original file: proto/tessera/v1/media.proto


export interface DeleteMediumResponse {
}

export interface DeleteMediumResponse__Output {
}
