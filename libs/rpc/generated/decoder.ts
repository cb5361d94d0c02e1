import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Alternative as _tessera_v1_Alternative, Alternative__Output as _tessera_v1_Alternative__Output } from './tessera/v1/Alternative.js';
import type { CountTokensRequest as _tessera_v1_CountTokensRequest, CountTokensRequest__Output as _tessera_v1_CountTokensRequest__Output } from './tessera/v1/CountTokensRequest.js';
import type { CountTokensResponse as _tessera_v1_CountTokensResponse, CountTokensResponse__Output as _tessera_v1_CountTokensResponse__Output } from './tessera/v1/CountTokensResponse.js';
import type { DecoderClient as _tessera_v1_DecoderClient, DecoderDefinition as _tessera_v1_DecoderDefinition } from './tessera/v1/Decoder.js';
import type { Done as _tessera_v1_Done, Done__Output as _tessera_v1_Done__Output } from './tessera/v1/Done.js';
import type { Embeddings as _tessera_v1_Embeddings, Embeddings__Output as _tessera_v1_Embeddings__Output } from './tessera/v1/Embeddings.js';
import type { GenerateEvent as _tessera_v1_GenerateEvent, GenerateEvent__Output as _tessera_v1_GenerateEvent__Output } from './tessera/v1/GenerateEvent.js';
import type { GenerateRequest as _tessera_v1_GenerateRequest, GenerateRequest__Output as _tessera_v1_GenerateRequest__Output } from './tessera/v1/GenerateRequest.js';
import type { Pool as _tessera_v1_Pool, Pool__Output as _tessera_v1_Pool__Output } from './tessera/v1/Pool.js';
import type { Prefill as _tessera_v1_Prefill, Prefill__Output as _tessera_v1_Prefill__Output } from './tessera/v1/Prefill.js';
import type { Sampling as _tessera_v1_Sampling, Sampling__Output as _tessera_v1_Sampling__Output } from './tessera/v1/Sampling.js';
import type { Segment as _tessera_v1_Segment, Segment__Output as _tessera_v1_Segment__Output } from './tessera/v1/Segment.js';
import type { SequencePart as _tessera_v1_SequencePart, SequencePart__Output as _tessera_v1_SequencePart__Output } from './tessera/v1/SequencePart.js';
import type { StatsRequest as _tessera_v1_StatsRequest, StatsRequest__Output as _tessera_v1_StatsRequest__Output } from './tessera/v1/StatsRequest.js';
import type { StatsResponse as _tessera_v1_StatsResponse, StatsResponse__Output as _tessera_v1_StatsResponse__Output } from './tessera/v1/StatsResponse.js';
import type { Text as _tessera_v1_Text, Text__Output as _tessera_v1_Text__Output } from './tessera/v1/Text.js';
import type { Timings as _tessera_v1_Timings, Timings__Output as _tessera_v1_Timings__Output } from './tessera/v1/Timings.js';
import type { Token as _tessera_v1_Token, Token__Output as _tessera_v1_Token__Output } from './tessera/v1/Token.js';
import type { TokenLogprob as _tessera_v1_TokenLogprob, TokenLogprob__Output as _tessera_v1_TokenLogprob__Output } from './tessera/v1/TokenLogprob.js';
import type { Usage as _tessera_v1_Usage, Usage__Output as _tessera_v1_Usage__Output } from './tessera/v1/Usage.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  tessera: {
    v1: {
      Alternative: MessageTypeDefinition<_tessera_v1_Alternative, _tessera_v1_Alternative__Output>
      CountTokensRequest: MessageTypeDefinition<_tessera_v1_CountTokensRequest, _tessera_v1_CountTokensRequest__Output>
      CountTokensResponse: MessageTypeDefinition<_tessera_v1_CountTokensResponse, _tessera_v1_CountTokensResponse__Output>
      Decoder: SubtypeConstructor<typeof grpc.Client, _tessera_v1_DecoderClient> & { service: _tessera_v1_DecoderDefinition }
      Done: MessageTypeDefinition<_tessera_v1_Done, _tessera_v1_Done__Output>
      Embeddings: MessageTypeDefinition<_tessera_v1_Embeddings, _tessera_v1_Embeddings__Output>
      FinishReason: EnumTypeDefinition
      GenerateEvent: MessageTypeDefinition<_tessera_v1_GenerateEvent, _tessera_v1_GenerateEvent__Output>
      GenerateRequest: MessageTypeDefinition<_tessera_v1_GenerateRequest, _tessera_v1_GenerateRequest__Output>
      Pool: MessageTypeDefinition<_tessera_v1_Pool, _tessera_v1_Pool__Output>
      Prefill: MessageTypeDefinition<_tessera_v1_Prefill, _tessera_v1_Prefill__Output>
      Sampling: MessageTypeDefinition<_tessera_v1_Sampling, _tessera_v1_Sampling__Output>
      Segment: MessageTypeDefinition<_tessera_v1_Segment, _tessera_v1_Segment__Output>
      SequencePart: MessageTypeDefinition<_tessera_v1_SequencePart, _tessera_v1_SequencePart__Output>
      StatsRequest: MessageTypeDefinition<_tessera_v1_StatsRequest, _tessera_v1_StatsRequest__Output>
      StatsResponse: MessageTypeDefinition<_tessera_v1_StatsResponse, _tessera_v1_StatsResponse__Output>
      Text: MessageTypeDefinition<_tessera_v1_Text, _tessera_v1_Text__Output>
      Timings: MessageTypeDefinition<_tessera_v1_Timings, _tessera_v1_Timings__Output>
      Token: MessageTypeDefinition<_tessera_v1_Token, _tessera_v1_Token__Output>
      TokenLogprob: MessageTypeDefinition<_tessera_v1_TokenLogprob, _tessera_v1_TokenLogprob__Output>
      Usage: MessageTypeDefinition<_tessera_v1_Usage, _tessera_v1_Usage__Output>
    }
  }
}

