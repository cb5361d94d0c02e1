export { serveRpc, type RpcServer } from './server.js';
export { service, type Call, type Methods, type Service } from './service.js';
export { DecoderRpc, type RpcClientOptions } from './client.js';
export { Decoder as DecoderService, Jobs as JobsService, Media as MediaService } from './proto.js';
export type { DecoderHandlers } from './generated/tessera/v1/Decoder.js';
export type { JobsHandlers } from './generated/tessera/v1/Jobs.js';
export type { MediaHandlers } from './generated/tessera/v1/Media.js';
export type { Done__Output as Done } from './generated/tessera/v1/Done.js';
export type { GenerateEvent, GenerateEvent__Output } from './generated/tessera/v1/GenerateEvent.js';
export type { GenerateRequest, GenerateRequest__Output } from './generated/tessera/v1/GenerateRequest.js';
export type {
  Sampling as RpcSampling,
  Sampling__Output as RpcSampling__Output,
} from './generated/tessera/v1/Sampling.js';
export type {
  SequencePart as RpcPart,
  SequencePart__Output as RpcPart__Output,
} from './generated/tessera/v1/SequencePart.js';
export type { SubmitRequest__Output as SubmitRequest } from './generated/tessera/v1/SubmitRequest.js';
export type { Source__Output as RpcSource } from './generated/tessera/v1/Source.js';
export type { Job as RpcJob } from './generated/tessera/v1/Job.js';
export type { JobEvent as RpcJobEvent } from './generated/tessera/v1/JobEvent.js';
export type { Medium as RpcMedium } from './generated/tessera/v1/Medium.js';
