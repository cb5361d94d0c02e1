import { DraftLength, type DraftCosts } from '../speculation/draft-length.js';
import type { Arena } from '../runner/arena.js';
import type { Runner } from '../runner/runner.js';
import type { Job } from './job.js';

/** Longest draft that is checked in one step. */
const MOST_DRAFTED = 8;
/** Of the step graph, single tokens by the kernel in WebAssembly: as measured on two cores over 500 to 1,100 rows; only the ratio matters. */
const DRAFT_COSTS: DraftCosts = { step: 7.6, checking: 10.4, token: 1.8 };

/** Receives the logits of the next token of each of a job's lanes, and which is the first one's largest where that is known; says whether the answer goes on. */
type Take = (job: Job, logits: readonly Float32Array[], likeliest?: number) => boolean;

/** Writes answers: a token for each in every step, or several where a draft from the text that was read fits. */
export class Writer {
  private readonly draftLength: DraftLength;

  constructor(
    private readonly runner: Runner,
    private readonly arena: Arena,
  ) {
    this.draftLength = new DraftLength(runner.model.kernel?.draftCosts ?? DRAFT_COSTS, MOST_DRAFTED);
  }

  async write(jobs: readonly Job[], take: Take): Promise<void> {
    const [job] = jobs;
    if (job && jobs.length === 1 && !job.sequence.beams) await this.writeAlone(job, take);
    else await this.writeTogether(jobs, take);
  }

  private async writeTogether(jobs: readonly Job[], take: Take): Promise<void> {
    const { embeddings: table, config } = this.runner.model;
    const { hidden, vocabulary } = config;
    const count = this.arena.members.length;
    const embeddings = new Float32Array(count * hidden);
    for (const { sequence } of jobs)
      sequence.last.forEach((token, lane) => table.row(token, embeddings, sequence.lanes[lane]!.slot * hidden));
    const active = new Set(jobs.flatMap(({ sequence }) => sequence.lanes));
    const rows = [...active].map(({ slot }) => slot);
    const appended = this.arena.members.map((member) => (active.has(member) ? 1 : 0));
    const { logits, likeliest, mass, capacity } = await this.runner.step(
      this.arena,
      0,
      count,
      embeddings,
      rows,
      appended,
    );
    this.addEvidence(jobs, mass, capacity, 0);
    let row = 0;
    const results = jobs.map((job) => ({
      job,
      likeliest: likeliest?.[row],
      logits: job.sequence.lanes.map(() => logits.subarray(row * vocabulary, ++row * vocabulary)),
    }));
    // From the last slot on: of answers that end together, none moves into the place of another that ends.
    results.sort((a, b) => b.job.sequence.working!.slot - a.job.sequence.working!.slot);
    for (const result of results) take(result.job, result.logits, result.likeliest);
  }

  private async writeAlone(job: Job, take: Take): Promise<void> {
    const { embeddings: table, config } = this.runner.model;
    const { hidden, vocabulary } = config;
    const { sequence } = job;
    const working = sequence.working!;
    const length = Math.min(this.draftLength.next(), sequence.tokensLeft - 1);
    const draft = length > 0 && sequence.request.drafts !== false ? sequence.drafts.draft(length) : [];
    const tokens = [sequence.answer.at(-1)!, ...draft];
    const embeddings = new Float32Array(tokens.length * hidden);
    tokens.forEach((token, i) => table.row(token, embeddings, i * hidden));
    const rows = tokens.map((_, i) => i);
    const start = working.length;
    if (sequence.request.priority !== 'batch') this.runner.model.kernel?.count();
    const { logits, likeliest, mass, capacity } = await this.runner.step(this.arena, working.slot, 1, embeddings, rows);
    let accepted = 0;
    for (; accepted < tokens.length; accepted++) {
      // What is refused is no evidence; of the step's mass, which is that of all its tokens, each that is taken counts its part.
      this.addEvidence([job], mass, capacity, working.slot, 1 / tokens.length);
      const row = logits.subarray(accepted * vocabulary, (accepted + 1) * vocabulary);
      if (!take(job, [row], likeliest?.[accepted])) return;
      if (sequence.answer.at(-1) !== draft[accepted]) break;
    }
    if (draft.length > 0) {
      this.draftLength.outcome(draft.length, Math.min(accepted, draft.length));
      const kept = start + Math.min(accepted, draft.length) + 1;
      if (kept < working.length) working.truncate(kept);
    }
  }

  /** @param first slot of the first row of `mass`; @param weight how much of it counts */
  private addEvidence(
    jobs: readonly Job[],
    mass: readonly Float32Array[],
    capacity: number,
    first: number,
    weight = 1,
  ): void {
    const { kvHeads } = this.runner.model.config;
    const size = kvHeads * capacity;
    for (const { sequence } of jobs)
      for (const { slot } of sequence.lanes) {
        const at = (slot - first) * size;
        sequence.rowSegments.forEach((rows, i) =>
          sequence.evidence.add(mass[i]!.subarray(at, at + size), capacity, rows, kvHeads, weight),
        );
      }
  }
}
