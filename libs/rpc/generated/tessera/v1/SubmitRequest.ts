// Original file: proto/tessera/v1/jobs.proto

import type { Description as _tessera_v1_Description, Description__Output as _tessera_v1_Description__Output } from '../../tessera/v1/Description.js';
import type { Transcription as _tessera_v1_Transcription, Transcription__Output as _tessera_v1_Transcription__Output } from '../../tessera/v1/Transcription.js';
import type { Question as _tessera_v1_Question, Question__Output as _tessera_v1_Question__Output } from '../../tessera/v1/Question.js';

export interface SubmitRequest {
  'description'?: (_tessera_v1_Description | null);
  'transcription'?: (_tessera_v1_Transcription | null);
  'question'?: (_tessera_v1_Question | null);
  'idempotencyKey'?: (string);
  'work'?: "description"|"transcription"|"question";
}

export interface SubmitRequest__Output {
  'description'?: (_tessera_v1_Description__Output | null);
  'transcription'?: (_tessera_v1_Transcription__Output | null);
  'question'?: (_tessera_v1_Question__Output | null);
  'idempotencyKey': (string);
  'work'?: "description"|"transcription"|"question";
}
