import type { BatchLine, BatchOutcome, BatchRecord, Records } from '#storage';

const PAGE = 100;

/** Why lines have no answer. */
export type Cut = 'batch_cancelled' | 'batch_expired';
const CUT: Record<Cut, string> = {
  batch_cancelled: 'The batch was cancelled before this request was answered.',
  batch_expired: 'The batch expired before this request was answered.',
};

/** A line of an output or error file: https://platform.openai.com/docs/api-reference/batch/request-output */
export function outputLine({ customId, job }: BatchLine, outcome: BatchOutcome): object {
  const answered = 'status' in outcome;
  return {
    id: `batch_req_${job}`,
    custom_id: customId,
    response: answered ? { status_code: outcome.status, request_id: job, body: outcome.body } : null,
    error: answered ? null : { code: outcome.code, message: outcome.message },
  };
}

const isGood = (outcome: BatchOutcome) => 'status' in outcome && outcome.status < 400;

/** The lines of a batch's output file, or of its error file, as JSONL in the order of the input. */
export async function* outputLines(
  batches: Pick<Records['batches'], 'outcomes'>,
  { id }: Pick<BatchRecord, 'id'>,
  which: 'output' | 'error',
  cut: Cut,
): AsyncGenerator<Uint8Array> {
  for (let after = 0; ;) {
    const lines = await batches.outcomes(id, after, PAGE);
    for (const { outcome = { code: cut, message: CUT[cut] }, ...line } of lines) {
      after = line.line;
      if (isGood(outcome) === (which === 'output')) yield Buffer.from(`${JSON.stringify(outputLine(line, outcome))}\n`);
    }
    if (lines.length < PAGE) return;
  }
}
