// Original file: proto/tessera/v1/decoder.proto


export interface StatsRequest {
}

export interface StatsRequest__Output {
}
