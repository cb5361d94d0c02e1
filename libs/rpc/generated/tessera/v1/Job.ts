// Original file: proto/tessera/v1/jobs.proto

import type { JobState as _tessera_v1_JobState, JobState__Output as _tessera_v1_JobState__Output } from '../../tessera/v1/JobState.js';
import type { JobError as _tessera_v1_JobError, JobError__Output as _tessera_v1_JobError__Output } from '../../tessera/v1/JobError.js';
import type { Long } from '@grpc/proto-loader';

export interface Job {
  'id'?: (string);
  'kind'?: (string);
  'state'?: (_tessera_v1_JobState);
  'stage'?: (string);
  'percent'?: (number | string);
  'createdAt'?: (number | string | Long);
  'startedAt'?: (number | string | Long);
  'finishedAt'?: (number | string | Long);
  'result'?: (string);
  'error'?: (_tessera_v1_JobError | null);
}

export interface Job__Output {
  'id': (string);
  'kind': (string);
  'state': (_tessera_v1_JobState__Output);
  'stage': (string);
  'percent': (number);
  'createdAt': (number);
  'startedAt': (number);
  'finishedAt': (number);
  'result': (string);
  'error': (_tessera_v1_JobError__Output | null);
}
