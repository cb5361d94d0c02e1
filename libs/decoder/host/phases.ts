import type { DecodeEvent } from '#contracts';
import { recordWork } from '#platform';

/** Tells the trace how long a request was read, chosen for and answered; its phases follow one another and end now. */
export function tracePhases({ timings, usage }: Extract<DecodeEvent, { type: 'done' }>): void {
  const end = Date.now();
  const first = end - timings.decodeMs;
  const start = first - timings.firstTokenMs;
  const prefilled = start + timings.prefillMs;
  const selected = prefilled + timings.selectMs;
  recordWork(
    'decoder.prefill',
    { start, end: prefilled },
    {
      'tessera.prompt_tokens': usage.promptTokens,
      'tessera.cached_tokens': usage.cachedTokens,
    },
  );
  recordWork(
    'decoder.select',
    { start: prefilled, end: selected },
    { 'tessera.selected_tokens': usage.selectedTokens },
  );
  recordWork('decoder.decode', { start: selected, end }, { 'tessera.completion_tokens': usage.completionTokens });
}
