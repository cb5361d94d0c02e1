import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { CancelJobRequest as _tessera_v1_CancelJobRequest, CancelJobRequest__Output as _tessera_v1_CancelJobRequest__Output } from './tessera/v1/CancelJobRequest.js';
import type { Description as _tessera_v1_Description, Description__Output as _tessera_v1_Description__Output } from './tessera/v1/Description.js';
import type { EventsRequest as _tessera_v1_EventsRequest, EventsRequest__Output as _tessera_v1_EventsRequest__Output } from './tessera/v1/EventsRequest.js';
import type { GetJobRequest as _tessera_v1_GetJobRequest, GetJobRequest__Output as _tessera_v1_GetJobRequest__Output } from './tessera/v1/GetJobRequest.js';
import type { Job as _tessera_v1_Job, Job__Output as _tessera_v1_Job__Output } from './tessera/v1/Job.js';
import type { JobError as _tessera_v1_JobError, JobError__Output as _tessera_v1_JobError__Output } from './tessera/v1/JobError.js';
import type { JobEvent as _tessera_v1_JobEvent, JobEvent__Output as _tessera_v1_JobEvent__Output } from './tessera/v1/JobEvent.js';
import type { JobsClient as _tessera_v1_JobsClient, JobsDefinition as _tessera_v1_JobsDefinition } from './tessera/v1/Jobs.js';
import type { Progress as _tessera_v1_Progress, Progress__Output as _tessera_v1_Progress__Output } from './tessera/v1/Progress.js';
import type { Question as _tessera_v1_Question, Question__Output as _tessera_v1_Question__Output } from './tessera/v1/Question.js';
import type { Source as _tessera_v1_Source, Source__Output as _tessera_v1_Source__Output } from './tessera/v1/Source.js';
import type { SubmitRequest as _tessera_v1_SubmitRequest, SubmitRequest__Output as _tessera_v1_SubmitRequest__Output } from './tessera/v1/SubmitRequest.js';
import type { Transcription as _tessera_v1_Transcription, Transcription__Output as _tessera_v1_Transcription__Output } from './tessera/v1/Transcription.js';
import type { Utterance as _tessera_v1_Utterance, Utterance__Output as _tessera_v1_Utterance__Output } from './tessera/v1/Utterance.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  tessera: {
    v1: {
      CancelJobRequest: MessageTypeDefinition<_tessera_v1_CancelJobRequest, _tessera_v1_CancelJobRequest__Output>
      Description: MessageTypeDefinition<_tessera_v1_Description, _tessera_v1_Description__Output>
      EventsRequest: MessageTypeDefinition<_tessera_v1_EventsRequest, _tessera_v1_EventsRequest__Output>
      GetJobRequest: MessageTypeDefinition<_tessera_v1_GetJobRequest, _tessera_v1_GetJobRequest__Output>
      Job: MessageTypeDefinition<_tessera_v1_Job, _tessera_v1_Job__Output>
      JobError: MessageTypeDefinition<_tessera_v1_JobError, _tessera_v1_JobError__Output>
      JobEvent: MessageTypeDefinition<_tessera_v1_JobEvent, _tessera_v1_JobEvent__Output>
      JobState: EnumTypeDefinition
      Jobs: SubtypeConstructor<typeof grpc.Client, _tessera_v1_JobsClient> & { service: _tessera_v1_JobsDefinition }
      Progress: MessageTypeDefinition<_tessera_v1_Progress, _tessera_v1_Progress__Output>
      Question: MessageTypeDefinition<_tessera_v1_Question, _tessera_v1_Question__Output>
      Source: MessageTypeDefinition<_tessera_v1_Source, _tessera_v1_Source__Output>
      SubmitRequest: MessageTypeDefinition<_tessera_v1_SubmitRequest, _tessera_v1_SubmitRequest__Output>
      Transcription: MessageTypeDefinition<_tessera_v1_Transcription, _tessera_v1_Transcription__Output>
      Utterance: MessageTypeDefinition<_tessera_v1_Utterance, _tessera_v1_Utterance__Output>
    }
  }
}

