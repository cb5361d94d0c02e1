// Original file: proto/tessera/v1/decoder.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CountTokensRequest as _tessera_v1_CountTokensRequest, CountTokensRequest__Output as _tessera_v1_CountTokensRequest__Output } from '../../tessera/v1/CountTokensRequest.js';
import type { CountTokensResponse as _tessera_v1_CountTokensResponse, CountTokensResponse__Output as _tessera_v1_CountTokensResponse__Output } from '../../tessera/v1/CountTokensResponse.js';
import type { GenerateEvent as _tessera_v1_GenerateEvent, GenerateEvent__Output as _tessera_v1_GenerateEvent__Output } from '../../tessera/v1/GenerateEvent.js';
import type { GenerateRequest as _tessera_v1_GenerateRequest, GenerateRequest__Output as _tessera_v1_GenerateRequest__Output } from '../../tessera/v1/GenerateRequest.js';
import type { StatsRequest as _tessera_v1_StatsRequest, StatsRequest__Output as _tessera_v1_StatsRequest__Output } from '../../tessera/v1/StatsRequest.js';
import type { StatsResponse as _tessera_v1_StatsResponse, StatsResponse__Output as _tessera_v1_StatsResponse__Output } from '../../tessera/v1/StatsResponse.js';

export interface DecoderClient extends grpc.Client {
  CountTokens(argument: _tessera_v1_CountTokensRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_CountTokensResponse__Output>): grpc.ClientUnaryCall;
  CountTokens(argument: _tessera_v1_CountTokensRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_tessera_v1_CountTokensResponse__Output>): grpc.ClientUnaryCall;
  CountTokens(argument: _tessera_v1_CountTokensRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_CountTokensResponse__Output>): grpc.ClientUnaryCall;
  CountTokens(argument: _tessera_v1_CountTokensRequest, callback: grpc.requestCallback<_tessera_v1_CountTokensResponse__Output>): grpc.ClientUnaryCall;
  countTokens(argument: _tessera_v1_CountTokensRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_CountTokensResponse__Output>): grpc.ClientUnaryCall;
  countTokens(argument: _tessera_v1_CountTokensRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_tessera_v1_CountTokensResponse__Output>): grpc.ClientUnaryCall;
  countTokens(argument: _tessera_v1_CountTokensRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_CountTokensResponse__Output>): grpc.ClientUnaryCall;
  countTokens(argument: _tessera_v1_CountTokensRequest, callback: grpc.requestCallback<_tessera_v1_CountTokensResponse__Output>): grpc.ClientUnaryCall;
  
  Generate(argument: _tessera_v1_GenerateRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_tessera_v1_GenerateEvent__Output>;
  Generate(argument: _tessera_v1_GenerateRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_tessera_v1_GenerateEvent__Output>;
  generate(argument: _tessera_v1_GenerateRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_tessera_v1_GenerateEvent__Output>;
  generate(argument: _tessera_v1_GenerateRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_tessera_v1_GenerateEvent__Output>;
  
  Stats(argument: _tessera_v1_StatsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_StatsResponse__Output>): grpc.ClientUnaryCall;
  Stats(argument: _tessera_v1_StatsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_tessera_v1_StatsResponse__Output>): grpc.ClientUnaryCall;
  Stats(argument: _tessera_v1_StatsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_StatsResponse__Output>): grpc.ClientUnaryCall;
  Stats(argument: _tessera_v1_StatsRequest, callback: grpc.requestCallback<_tessera_v1_StatsResponse__Output>): grpc.ClientUnaryCall;
  stats(argument: _tessera_v1_StatsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_StatsResponse__Output>): grpc.ClientUnaryCall;
  stats(argument: _tessera_v1_StatsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_tessera_v1_StatsResponse__Output>): grpc.ClientUnaryCall;
  stats(argument: _tessera_v1_StatsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_StatsResponse__Output>): grpc.ClientUnaryCall;
  stats(argument: _tessera_v1_StatsRequest, callback: grpc.requestCallback<_tessera_v1_StatsResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface DecoderHandlers extends grpc.UntypedServiceImplementation {
  CountTokens: grpc.handleUnaryCall<_tessera_v1_CountTokensRequest__Output, _tessera_v1_CountTokensResponse>;
  
  Generate: grpc.handleServerStreamingCall<_tessera_v1_GenerateRequest__Output, _tessera_v1_GenerateEvent>;
  
  Stats: grpc.handleUnaryCall<_tessera_v1_StatsRequest__Output, _tessera_v1_StatsResponse>;
  
}

export interface DecoderDefinition extends grpc.ServiceDefinition {
  CountTokens: MethodDefinition<_tessera_v1_CountTokensRequest, _tessera_v1_CountTokensResponse, _tessera_v1_CountTokensRequest__Output, _tessera_v1_CountTokensResponse__Output>
  Generate: MethodDefinition<_tessera_v1_GenerateRequest, _tessera_v1_GenerateEvent, _tessera_v1_GenerateRequest__Output, _tessera_v1_GenerateEvent__Output>
  Stats: MethodDefinition<_tessera_v1_StatsRequest, _tessera_v1_StatsResponse, _tessera_v1_StatsRequest__Output, _tessera_v1_StatsResponse__Output>
}
