// Original file: proto/tessera/v1/media.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { DeleteMediumRequest as _tessera_v1_DeleteMediumRequest, DeleteMediumRequest__Output as _tessera_v1_DeleteMediumRequest__Output } from '../../tessera/v1/DeleteMediumRequest.js';
import type { DeleteMediumResponse as _tessera_v1_DeleteMediumResponse, DeleteMediumResponse__Output as _tessera_v1_DeleteMediumResponse__Output } from '../../tessera/v1/DeleteMediumResponse.js';
import type { DownloadRequest as _tessera_v1_DownloadRequest, DownloadRequest__Output as _tessera_v1_DownloadRequest__Output } from '../../tessera/v1/DownloadRequest.js';
import type { DownloadResponse as _tessera_v1_DownloadResponse, DownloadResponse__Output as _tessera_v1_DownloadResponse__Output } from '../../tessera/v1/DownloadResponse.js';
import type { GetMediumRequest as _tessera_v1_GetMediumRequest, GetMediumRequest__Output as _tessera_v1_GetMediumRequest__Output } from '../../tessera/v1/GetMediumRequest.js';
import type { ListMediaRequest as _tessera_v1_ListMediaRequest, ListMediaRequest__Output as _tessera_v1_ListMediaRequest__Output } from '../../tessera/v1/ListMediaRequest.js';
import type { ListMediaResponse as _tessera_v1_ListMediaResponse, ListMediaResponse__Output as _tessera_v1_ListMediaResponse__Output } from '../../tessera/v1/ListMediaResponse.js';
import type { Medium as _tessera_v1_Medium, Medium__Output as _tessera_v1_Medium__Output } from '../../tessera/v1/Medium.js';
import type { UploadRequest as _tessera_v1_UploadRequest, UploadRequest__Output as _tessera_v1_UploadRequest__Output } from '../../tessera/v1/UploadRequest.js';

export interface MediaClient extends grpc.Client {
  Delete(argument: _tessera_v1_DeleteMediumRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_DeleteMediumResponse__Output>): grpc.ClientUnaryCall;
  Delete(argument: _tessera_v1_DeleteMediumRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_tessera_v1_DeleteMediumResponse__Output>): grpc.ClientUnaryCall;
  Delete(argument: _tessera_v1_DeleteMediumRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_DeleteMediumResponse__Output>): grpc.ClientUnaryCall;
  Delete(argument: _tessera_v1_DeleteMediumRequest, callback: grpc.requestCallback<_tessera_v1_DeleteMediumResponse__Output>): grpc.ClientUnaryCall;
  delete(argument: _tessera_v1_DeleteMediumRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_DeleteMediumResponse__Output>): grpc.ClientUnaryCall;
  delete(argument: _tessera_v1_DeleteMediumRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_tessera_v1_DeleteMediumResponse__Output>): grpc.ClientUnaryCall;
  delete(argument: _tessera_v1_DeleteMediumRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_DeleteMediumResponse__Output>): grpc.ClientUnaryCall;
  delete(argument: _tessera_v1_DeleteMediumRequest, callback: grpc.requestCallback<_tessera_v1_DeleteMediumResponse__Output>): grpc.ClientUnaryCall;
  
  Download(argument: _tessera_v1_DownloadRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_tessera_v1_DownloadResponse__Output>;
  Download(argument: _tessera_v1_DownloadRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_tessera_v1_DownloadResponse__Output>;
  download(argument: _tessera_v1_DownloadRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_tessera_v1_DownloadResponse__Output>;
  download(argument: _tessera_v1_DownloadRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_tessera_v1_DownloadResponse__Output>;
  
  Get(argument: _tessera_v1_GetMediumRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Medium__Output>): grpc.ClientUnaryCall;
  Get(argument: _tessera_v1_GetMediumRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_tessera_v1_Medium__Output>): grpc.ClientUnaryCall;
  Get(argument: _tessera_v1_GetMediumRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Medium__Output>): grpc.ClientUnaryCall;
  Get(argument: _tessera_v1_GetMediumRequest, callback: grpc.requestCallback<_tessera_v1_Medium__Output>): grpc.ClientUnaryCall;
  get(argument: _tessera_v1_GetMediumRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Medium__Output>): grpc.ClientUnaryCall;
  get(argument: _tessera_v1_GetMediumRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_tessera_v1_Medium__Output>): grpc.ClientUnaryCall;
  get(argument: _tessera_v1_GetMediumRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Medium__Output>): grpc.ClientUnaryCall;
  get(argument: _tessera_v1_GetMediumRequest, callback: grpc.requestCallback<_tessera_v1_Medium__Output>): grpc.ClientUnaryCall;
  
  List(argument: _tessera_v1_ListMediaRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_ListMediaResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _tessera_v1_ListMediaRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_tessera_v1_ListMediaResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _tessera_v1_ListMediaRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_ListMediaResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _tessera_v1_ListMediaRequest, callback: grpc.requestCallback<_tessera_v1_ListMediaResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _tessera_v1_ListMediaRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_ListMediaResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _tessera_v1_ListMediaRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_tessera_v1_ListMediaResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _tessera_v1_ListMediaRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_ListMediaResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _tessera_v1_ListMediaRequest, callback: grpc.requestCallback<_tessera_v1_ListMediaResponse__Output>): grpc.ClientUnaryCall;
  
  Upload(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Medium__Output>): grpc.ClientWritableStream<_tessera_v1_UploadRequest>;
  Upload(metadata: grpc.Metadata, callback: grpc.requestCallback<_tessera_v1_Medium__Output>): grpc.ClientWritableStream<_tessera_v1_UploadRequest>;
  Upload(options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Medium__Output>): grpc.ClientWritableStream<_tessera_v1_UploadRequest>;
  Upload(callback: grpc.requestCallback<_tessera_v1_Medium__Output>): grpc.ClientWritableStream<_tessera_v1_UploadRequest>;
  upload(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Medium__Output>): grpc.ClientWritableStream<_tessera_v1_UploadRequest>;
  upload(metadata: grpc.Metadata, callback: grpc.requestCallback<_tessera_v1_Medium__Output>): grpc.ClientWritableStream<_tessera_v1_UploadRequest>;
  upload(options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Medium__Output>): grpc.ClientWritableStream<_tessera_v1_UploadRequest>;
  upload(callback: grpc.requestCallback<_tessera_v1_Medium__Output>): grpc.ClientWritableStream<_tessera_v1_UploadRequest>;
  
}

export interface MediaHandlers extends grpc.UntypedServiceImplementation {
  Delete: grpc.handleUnaryCall<_tessera_v1_DeleteMediumRequest__Output, _tessera_v1_DeleteMediumResponse>;
  
  Download: grpc.handleServerStreamingCall<_tessera_v1_DownloadRequest__Output, _tessera_v1_DownloadResponse>;
  
  Get: grpc.handleUnaryCall<_tessera_v1_GetMediumRequest__Output, _tessera_v1_Medium>;
  
  List: grpc.handleUnaryCall<_tessera_v1_ListMediaRequest__Output, _tessera_v1_ListMediaResponse>;
  
  Upload: grpc.handleClientStreamingCall<_tessera_v1_UploadRequest__Output, _tessera_v1_Medium>;
  
}

export interface MediaDefinition extends grpc.ServiceDefinition {
  Delete: MethodDefinition<_tessera_v1_DeleteMediumRequest, _tessera_v1_DeleteMediumResponse, _tessera_v1_DeleteMediumRequest__Output, _tessera_v1_DeleteMediumResponse__Output>
  Download: MethodDefinition<_tessera_v1_DownloadRequest, _tessera_v1_DownloadResponse, _tessera_v1_DownloadRequest__Output, _tessera_v1_DownloadResponse__Output>
  Get: MethodDefinition<_tessera_v1_GetMediumRequest, _tessera_v1_Medium, _tessera_v1_GetMediumRequest__Output, _tessera_v1_Medium__Output>
  List: MethodDefinition<_tessera_v1_ListMediaRequest, _tessera_v1_ListMediaResponse, _tessera_v1_ListMediaRequest__Output, _tessera_v1_ListMediaResponse__Output>
  Upload: MethodDefinition<_tessera_v1_UploadRequest, _tessera_v1_Medium, _tessera_v1_UploadRequest__Output, _tessera_v1_Medium__Output>
}
