// Original file: proto/tessera/v1/jobs.proto

import type { JobState as _tessera_v1_JobState, JobState__Output as _tessera_v1_JobState__Output } from '../../tessera/v1/JobState.js';
import type { Progress as _tessera_v1_Progress, Progress__Output as _tessera_v1_Progress__Output } from '../../tessera/v1/Progress.js';
import type { Utterance as _tessera_v1_Utterance, Utterance__Output as _tessera_v1_Utterance__Output } from '../../tessera/v1/Utterance.js';

export interface JobEvent {
  'id'?: (string);
  'state'?: (_tessera_v1_JobState);
  'progress'?: (_tessera_v1_Progress | null);
  'token'?: (string);
  'utterance'?: (_tessera_v1_Utterance | null);
  'event'?: "state"|"progress"|"token"|"utterance";
}

export interface JobEvent__Output {
  'id': (string);
  'state'?: (_tessera_v1_JobState__Output);
  'progress'?: (_tessera_v1_Progress__Output | null);
  'token'?: (string);
  'utterance'?: (_tessera_v1_Utterance__Output | null);
  'event'?: "state"|"progress"|"token"|"utterance";
}
