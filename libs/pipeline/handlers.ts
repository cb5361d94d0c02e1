import type { Handlers } from '#jobs';
import { answer } from './answer/answer.js';
import { compose } from './compose/compose.js';
import type { Stage } from './context.js';
import { extract } from './evidence/extract.js';
import { hear } from './hear/hear.js';
import { ingest } from './ingest/ingest.js';
import { see } from './see/see.js';

/** One handler for every job of the JobMap; the host refuses to start when one is missing. */
export function createHandlers(stage: Stage): Handlers {
  return {
    'media.ingest': (payload, context) => ingest(stage, payload, context),
    'media.see': (payload, context) => see(stage, payload, context),
    'media.hear': (payload, context) => hear(stage, payload, context),
    'media.compose': (payload, context) => compose(stage, payload, context),
    'media.extract': (payload, context) => extract(stage, payload, context),
    answer: (payload, context) => answer(stage, payload, context),
  };
}
