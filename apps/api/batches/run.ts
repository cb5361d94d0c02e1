import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { TesseraError } from '#contracts';
import { isOutage } from '#jobs';
import type { BatchFault, BatchLine, BatchOutcome, BatchRecord, Records } from '#storage';
import { FileStore, type NewFile } from '../files/store.js';
import { toEnvelope, toTesseraError } from '../http/errors.js';
import { Results } from '../jobs/results.js';
import { PARTS, type ApiParts } from '../parts.js';
import { ENDPOINTS, Endpoints, type Endpoint } from './endpoints.js';
import { parseLine, readLines } from './lines.js';
import { outputLines, type Cut } from './output.js';

export type BatchRecords = Records['batches'];

/** Why a run ends early: the first two end the batch too; after `stopped`, another process goes on. */
export type Ending = 'cancelled' | 'expired' | 'stopped';

/** OpenAI's limit. */
const MAX_LINES = 50_000;
const MAX_FAULTS = 20;
const CHUNK = 500;
/** How often a line looks whether its key may have another job. */
const ROOM_MS = 250;

/** Takes a batch through its statuses. Every step may be done again: a run goes on wherever another one was cut off. */
@Injectable()
export class BatchRun {
  private readonly batches: BatchRecords;
  /** The last line of each tenant that is being queued: none takes the room that another one has seen. */
  private readonly turns = new Map<string, Promise<unknown>>();

  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(Endpoints) private readonly endpoints: Endpoints,
    @Inject(FileStore) private readonly files: FileStore,
    @Inject(Results) private readonly results: Results,
  ) {
    this.batches = parts.records.batches;
  }

  /** `ending` is aborted with an `Ending` as its reason. */
  async run(batch: BatchRecord, ending: AbortSignal): Promise<void> {
    if (batch.status === 'validating' && !ending.aborted && !(await this.read(batch, ending))) return;
    if (!ending.aborted && batch.status !== 'finalizing') await this.work(batch, ending);
    if (ending.aborted) return this.endEarly(batch, ending.reason as Ending);
    const finalizing =
      batch.status === 'finalizing' || (await this.batches.advance(batch.id, ['in_progress'], 'finalizing'));
    // Cancelled in the same moment as its last line was answered.
    if (finalizing) await this.finish(batch, 'completed', 'batch_cancelled');
    else await this.endEarly(batch, 'cancelled');
  }

  private async endEarly(batch: BatchRecord, ending: Ending): Promise<void> {
    if (ending === 'stopped') return;
    // Lines are begun in their order, so these are the ones that may be at work, for this run or one that died.
    for (const { job } of await this.batches.pending(batch.id, 0, this.parts.config.queue.answerJobs))
      await this.parts.jobs.cancel(job).catch(() => undefined);
    await this.finish(batch, ending, `batch_${ending}`);
  }

  /** Reads the input into lines; false when it is no batch. */
  private async read(batch: BatchRecord, ending: AbortSignal): Promise<boolean> {
    await this.batches.clearLines(batch.id);
    const faults: BatchFault[] = [];
    const seen = new Set<string>();
    let lines: BatchLine[] = [];
    const flush = async () => {
      if (lines.length > 0 && faults.length === 0) await this.batches.addLines(batch.id, lines);
      lines = [];
    };
    try {
      const file = await this.files.get(batch.tenant, batch.inputFile, 'input_file_id');
      for await (const raw of readLines(this.parts.blobs.stream(file.blob), this.parts.config.http.maxBodyBytes)) {
        if (ending.aborted) return true;
        const line = parseLine(raw, batch.endpoint);
        const fault = 'code' in line ? line : faultOf(line.custom_id, raw.line, seen);
        if (fault) faults.push(fault);
        else if (!('code' in line)) {
          seen.add(line.custom_id);
          const { line: number, start, end } = raw;
          // Not its bytes: lines wait here by the hundred.
          lines.push({ line: number, start, end, customId: line.custom_id, job: randomUUID() });
        }
        if (faults.length >= MAX_FAULTS || seen.size > MAX_LINES) break;
        if (lines.length >= CHUNK) await flush();
      }
    } catch (error) {
      if (!(error instanceof TesseraError) || error.transient) throw error;
      faults.push({ code: error.code, message: error.message, param: error.param ?? null, line: null });
    }
    if (seen.size > MAX_LINES) faults.push(fileFault('too_many_lines', `A batch has at most ${MAX_LINES} lines.`));
    if (seen.size === 0 && faults.length === 0) faults.push(fileFault('empty_file', 'The input file has no lines.'));
    await flush();
    if (faults.length > 0) await this.batches.fail(batch.id, faults);
    else if (await this.batches.begin(batch.id)) return true;
    else await this.endEarly(batch, 'cancelled');
    return false;
  }

  /** As many lines at once as the decoder answers at once. */
  private async work(batch: BatchRecord, ending: AbortSignal): Promise<void> {
    const lines = this.pending(batch.id);
    const failed = new AbortController();
    const signal = AbortSignal.any([ending, failed.signal]);
    // Every line at work listens.
    setMaxListeners(0, signal);
    const worker = async () => {
      while (!signal.aborted) {
        const { value: line, done } = await lines.next();
        if (done || signal.aborted) return;
        const outcome = await this.answer(batch, line, signal);
        if (outcome) await this.batches.record(batch.id, line.line, outcome);
      }
    };
    const workers = Array.from({ length: this.parts.config.queue.answerJobs }, () =>
      worker().catch((error: unknown) => {
        failed.abort('stopped');
        throw error;
      }),
    );
    for (const ended of await Promise.allSettled(workers)) if (ended.status === 'rejected') throw ended.reason;
  }

  private async *pending(id: string): AsyncGenerator<BatchLine> {
    for (let after = 0; ;) {
      const lines = await this.batches.pending(id, after, CHUNK);
      yield* lines;
      if (lines.length < CHUNK) return;
      after = lines.at(-1)?.line ?? after;
    }
  }

  /** What the endpoint answers to a line; undefined when it was not waited for. */
  private async answer(batch: BatchRecord, line: BatchLine, signal: AbortSignal): Promise<BatchOutcome | undefined> {
    const { jobs, records } = this.parts;
    try {
      if (!(await this.submitWithRoom(batch, line, signal))) return undefined;
      const result = await jobs.result(line.job, { signal });
      const [record, status] = await Promise.all([records.getRequest(batch.tenant, line.job), jobs.status(line.job)]);
      if (!record) throw new TesseraError('job_not_found', `There is no job ${line.job}.`);
      const ms = (status.finishedAt?.getTime() ?? 0) - status.createdAt.getTime();
      return { status: 200, body: await this.results.shape(record, result, ms) };
    } catch (thrown) {
      if (signal.aborted) return undefined;
      if (isOfStorage(thrown) || (thrown instanceof TesseraError && !(await this.isFinal(thrown, line)))) throw thrown;
      const { status, body } = toEnvelope(toTesseraError(thrown));
      return { status: status === 499 ? 409 : status, body };
    }
  }

  /**
   * Whether this is what comes of a line, for good. What may go well later is so only once the job has failed by it; a lost connection
   * says nothing of the job, and the next run finds what came of that.
   */
  private async isFinal(error: TesseraError, { job }: BatchLine): Promise<boolean> {
    if (!error.transient) return true;
    return (await this.parts.jobs.status(job).catch(() => undefined))?.state === 'failed';
  }

  /** Queues a line as soon as its key has room for it; false when that is not waited for. */
  private async submitWithRoom(batch: BatchRecord, line: BatchLine, signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      if (await this.inTurn(batch.tenant, () => this.submitIfRoom(batch, line))) return true;
      await sleep(ROOM_MS, undefined, { signal }).catch(() => undefined);
    }
    return false;
  }

  /** A batch waits where a request of its key would be refused: its lines are requests like others. */
  private async submitIfRoom(batch: BatchRecord, line: BatchLine): Promise<boolean> {
    const { jobs, config } = this.parts;
    if ((await jobs.count(['queued', 'running'], batch.tenant)) >= config.admission.maxJobsPerKey) return false;
    await this.submit(batch, line);
    return true;
  }

  private inTurn<T>(tenant: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.turns.get(tenant) ?? Promise.resolve()).then(work);
    const settled = turn
      .catch(() => undefined)
      .finally(() => {
        if (this.turns.get(tenant) === settled) this.turns.delete(tenant);
      });
    this.turns.set(tenant, settled);
    return turn;
  }

  /** Queues a line, unless an earlier run has. */
  private async submit(batch: BatchRecord, { job: id, start, end, line }: BatchLine): Promise<void> {
    const { jobs, records, blobs } = this.parts;
    if (await this.isQueued(id)) return;
    const { blob } = await this.files.get(batch.tenant, batch.inputFile, 'input_file_id');
    const chunks: Uint8Array[] = [];
    for await (const chunk of blobs.stream(blob, { start, end: end - 1 })) chunks.push(chunk as Uint8Array);
    const parsed = parseLine({ line, bytes: Buffer.concat(chunks) }, batch.endpoint);
    if ('code' in parsed) throw new TesseraError('invalid_request', parsed.message);
    const { kind, tree, options = {} } = await this.endpoints.plan(endpointOf(batch), batch.tenant, parsed.body);
    if (!(await records.getRequest(batch.tenant, id)))
      await records.reserveRequest({ id, tenant: batch.tenant, kind, options, fingerprint: batch.id });
    await jobs.submit(tree, { id, priority: 'batch', owner: batch.tenant });
  }

  private async isQueued(job: string): Promise<boolean> {
    try {
      return Boolean(await this.parts.jobs.status(job));
    } catch (error) {
      if (error instanceof TesseraError && error.code === 'job_not_found') return false;
      throw error;
    }
  }

  private async finish(batch: BatchRecord, status: 'completed' | Exclude<Ending, 'stopped'>, cut: Cut): Promise<void> {
    const output = await this.write(batch, 'output', cut);
    const error = await this.write(batch, 'error', cut);
    const ended = await this.batches.finish(batch.id, status, { output, error });
    if (!ended) for (const file of [output, error]) if (file) await this.files.release(file.blob);
  }

  private async write(batch: BatchRecord, which: 'output' | 'error', cut: Cut): Promise<NewFile | undefined> {
    const lines = outputLines(this.batches, batch, which, cut);
    const name = `${batch.id}_${which}.jsonl`;
    const file = await this.files.receive(batch.tenant, name, 'batch_output', lines, Number.POSITIVE_INFINITY);
    if (file.bytes > 0) return file;
    await this.files.release(file.blob);
    return undefined;
  }
}

const fileFault = (code: string, message: string): BatchFault => ({
  code,
  message,
  param: 'input_file_id',
  line: null,
});

function faultOf(customId: string, line: number, seen: ReadonlySet<string>): BatchFault | undefined {
  if (!seen.has(customId)) return undefined;
  return { code: 'duplicate_custom_id', message: `custom_id: ${customId} came before`, param: 'custom_id', line };
}

function endpointOf({ endpoint }: BatchRecord): Endpoint {
  const known = ENDPOINTS.find((each) => each === endpoint);
  if (!known)
    throw new TesseraError('invalid_request', `endpoint: ${endpoint} takes no batches`, { param: 'endpoint' });
  return known;
}

/** Whether the database, Redis or the bucket says this, whose errors have codes: it is no answer to a line. */
function isOfStorage(thrown: unknown): boolean {
  return isOutage(thrown) || (thrown instanceof Error && !(thrown instanceof TesseraError) && 'code' in thrown);
}
