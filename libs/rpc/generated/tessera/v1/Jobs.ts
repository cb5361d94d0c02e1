// Original file: proto/tessera/v1/jobs.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CancelJobRequest as _tessera_v1_CancelJobRequest, CancelJobRequest__Output as _tessera_v1_CancelJobRequest__Output } from '../../tessera/v1/CancelJobRequest.js';
import type { EventsRequest as _tessera_v1_EventsRequest, EventsRequest__Output as _tessera_v1_EventsRequest__Output } from '../../tessera/v1/EventsRequest.js';
import type { GetJobRequest as _tessera_v1_GetJobRequest, GetJobRequest__Output as _tessera_v1_GetJobRequest__Output } from '../../tessera/v1/GetJobRequest.js';
import type { Job as _tessera_v1_Job, Job__Output as _tessera_v1_Job__Output } from '../../tessera/v1/Job.js';
import type { JobEvent as _tessera_v1_JobEvent, JobEvent__Output as _tessera_v1_JobEvent__Output } from '../../tessera/v1/JobEvent.js';
import type { SubmitRequest as _tessera_v1_SubmitRequest, SubmitRequest__Output as _tessera_v1_SubmitRequest__Output } from '../../tessera/v1/SubmitRequest.js';

export interface JobsClient extends grpc.Client {
  Cancel(argument: _tessera_v1_CancelJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  Cancel(argument: _tessera_v1_CancelJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  Cancel(argument: _tessera_v1_CancelJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  Cancel(argument: _tessera_v1_CancelJobRequest, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  cancel(argument: _tessera_v1_CancelJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  cancel(argument: _tessera_v1_CancelJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  cancel(argument: _tessera_v1_CancelJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  cancel(argument: _tessera_v1_CancelJobRequest, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  
  Events(argument: _tessera_v1_EventsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_tessera_v1_JobEvent__Output>;
  Events(argument: _tessera_v1_EventsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_tessera_v1_JobEvent__Output>;
  events(argument: _tessera_v1_EventsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_tessera_v1_JobEvent__Output>;
  events(argument: _tessera_v1_EventsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_tessera_v1_JobEvent__Output>;
  
  Get(argument: _tessera_v1_GetJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  Get(argument: _tessera_v1_GetJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  Get(argument: _tessera_v1_GetJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  Get(argument: _tessera_v1_GetJobRequest, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  get(argument: _tessera_v1_GetJobRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  get(argument: _tessera_v1_GetJobRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  get(argument: _tessera_v1_GetJobRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  get(argument: _tessera_v1_GetJobRequest, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  
  Submit(argument: _tessera_v1_SubmitRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  Submit(argument: _tessera_v1_SubmitRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  Submit(argument: _tessera_v1_SubmitRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  Submit(argument: _tessera_v1_SubmitRequest, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  submit(argument: _tessera_v1_SubmitRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  submit(argument: _tessera_v1_SubmitRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  submit(argument: _tessera_v1_SubmitRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  submit(argument: _tessera_v1_SubmitRequest, callback: grpc.requestCallback<_tessera_v1_Job__Output>): grpc.ClientUnaryCall;
  
}

export interface JobsHandlers extends grpc.UntypedServiceImplementation {
  Cancel: grpc.handleUnaryCall<_tessera_v1_CancelJobRequest__Output, _tessera_v1_Job>;
  
  Events: grpc.handleServerStreamingCall<_tessera_v1_EventsRequest__Output, _tessera_v1_JobEvent>;
  
  Get: grpc.handleUnaryCall<_tessera_v1_GetJobRequest__Output, _tessera_v1_Job>;
  
  Submit: grpc.handleUnaryCall<_tessera_v1_SubmitRequest__Output, _tessera_v1_Job>;
  
}

export interface JobsDefinition extends grpc.ServiceDefinition {
  Cancel: MethodDefinition<_tessera_v1_CancelJobRequest, _tessera_v1_Job, _tessera_v1_CancelJobRequest__Output, _tessera_v1_Job__Output>
  Events: MethodDefinition<_tessera_v1_EventsRequest, _tessera_v1_JobEvent, _tessera_v1_EventsRequest__Output, _tessera_v1_JobEvent__Output>
  Get: MethodDefinition<_tessera_v1_GetJobRequest, _tessera_v1_Job, _tessera_v1_GetJobRequest__Output, _tessera_v1_Job__Output>
  Submit: MethodDefinition<_tessera_v1_SubmitRequest, _tessera_v1_Job, _tessera_v1_SubmitRequest__Output, _tessera_v1_Job__Output>
}
