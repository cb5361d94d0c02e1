import type { Handlers } from '#jobs';
import { answer } from './answer/answer.js';
import type { ReadAhead } from './answer/read-ahead.js';
import { compose } from './compose/compose.js';
import type { Stage } from './context.js';
import { extract } from './evidence/extract.js';
import { hear } from './hear/hear.js';
import { ingest } from './ingest/ingest.js';
import { see } from './see/see.js';

/**
 * One handler for every job of the JobMap; the host refuses to start when one is missing.
 * @param ahead reads timelines while no job runs
 */
export function createHandlers(stage: Stage, ahead?: ReadAhead): Handlers {
  const first = <T>(work: () => Promise<T>): Promise<T> => (ahead ? ahead.during(work) : work());
  return {
    'media.ingest': (payload, context) => first(() => ingest(stage, payload, context)),
    'media.see': (payload, context) => first(() => see(stage, payload, context)),
    'media.hear': (payload, context) => first(() => hear(stage, payload, context)),
    'media.compose': (payload, context) =>
      first(async () => {
        const composed = await compose(stage, payload, context);
        ahead?.add(composed);
        return composed;
      }),
    'media.extract': (payload, context) => extract(stage, payload, context),
    answer: (payload, context) => first(() => answer(stage, payload, context)),
  };
}
