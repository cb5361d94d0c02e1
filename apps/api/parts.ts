import type { formatTranscript } from '#contracts';
import type { Jobs } from '#jobs';
import type { Config } from '#platform';
import type { Blobs, Records } from '#storage';

/** What the edge is given. It admits, stores, enqueues and streams; it never processes. */
export interface ApiParts {
  config: Config;
  jobs: Jobs;
  records: Records;
  blobs: Blobs;
  /** The form of a transcript as text. */
  formatTranscript: typeof formatTranscript;
}

/** Token of `ApiParts` for injection. */
export const PARTS = Symbol('parts');
