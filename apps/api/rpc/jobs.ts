import { z } from 'zod';
import { TesseraError, type JobEvent, type JobState } from '#contracts';
import { describeTree, transcribeTree, type JournalEvent, type TreeInput } from '#jobs';
import {
  JobsService,
  service,
  type JobsHandlers,
  type RpcJob,
  type RpcJobEvent,
  type RpcSource,
  type Service,
  type SubmitRequest,
} from '#rpc';
import { validate } from '../http/validate.js';
import { DescriptionRequest } from '../descriptions/descriptions.js';
import type { Callers } from '../identity/callers.js';
import type { MediaStore } from '../inputs/store.js';
import type { Results } from '../jobs/results.js';
import type { ApiParts } from '../parts.js';
import { QuestionRequest } from '../questions/request.js';
import type { QuestionWork } from '../questions/work.js';
import { requireKey, type Requests, type Submission } from '../requests.js';
import { TranscriptionForm } from '../transcriptions/request.js';
import { tenantOf } from './caller.js';

export interface JobsParts {
  parts: ApiParts;
  callers: Callers;
  requests: Requests;
  results: Results;
  store: MediaStore;
  questions: QuestionWork;
}

const STATES = {
  queued: 'JOB_STATE_QUEUED',
  running: 'JOB_STATE_RUNNING',
  completed: 'JOB_STATE_COMPLETED',
  failed: 'JOB_STATE_FAILED',
  cancelled: 'JOB_STATE_CANCELLED',
} as const satisfies Record<JobState, string>;

function toEvent(event: JobEvent): Omit<RpcJobEvent, 'id'> {
  switch (event.type) {
    case 'state':
      return { state: STATES[event.state] };
    case 'progress':
      return { progress: { stage: event.stage, percent: event.percent } };
    case 'token':
      return { token: event.text };
    case 'segment':
      return { utterance: { start: event.start, end: event.end, text: event.text } };
  }
}

const DescriptionFields = DescriptionRequest.pick({ detail: true, prompt: true });
const TranscriptionFields = TranscriptionForm.pick({ language: true });

/** Texts of a message are text, as those of a body are: no database takes others. @throws TesseraError `invalid_request` */
const fit = <T>(message: T): T => validate(z.custom<T>(), message);

/** Fields of a message that say something: what is left out comes as nothing. */
const told = (fields: Record<string, string>) =>
  Object.fromEntries(Object.entries(fields).filter(([, text]) => text !== ''));

const toJobEvent = ({ id, event }: JournalEvent): RpcJobEvent => ({ id, ...toEvent(event) });

/** Plans work from messages as the HTTP endpoints plan it from bodies. */
async function plan({ store, questions }: JobsParts, tenant: string, request: SubmitRequest): Promise<Submission> {
  const { description, transcription, question } = request;
  if (description) {
    const { source } = await input(store, tenant, description.source);
    const { detail, prompt } = validate(
      DescriptionFields,
      told({ detail: description.detail, prompt: description.prompt }),
    );
    const tree = describeTree(source, { detail, ...(prompt === undefined ? {} : { instruction: prompt }) });
    return { kind: 'description', tree, options: { input: source.name } };
  }
  if (transcription) {
    const { source } = await input(store, tenant, transcription.source);
    const { words } = transcription;
    const { language } = validate(TranscriptionFields, told({ language: transcription.language }));
    const tree = transcribeTree(source, { words, ...(language === undefined ? {} : { language }) });
    return { kind: 'transcription', tree, options: { format: words ? 'verbose_json' : 'json', task: 'transcribe' } };
  }
  if (question) {
    const { sources, maxTokens, selectedTokens, detail } = question;
    const body = validate(QuestionRequest, {
      question: question.question,
      media: sources.flatMap(({ medium }) => (medium ? [medium] : [])),
      urls: sources.flatMap(({ url }) => (url ? [url] : [])),
      ...(detail === '' ? {} : { detail }),
      ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
      ...(selectedTokens === undefined ? {} : { selected_tokens: selectedTokens }),
    });
    return questions.plan(tenant, body);
  }
  throw new TesseraError('invalid_request', 'work: give a description, a transcription or a question', {
    param: 'work',
  });
}

async function input(store: MediaStore, tenant: string, source: RpcSource | null): Promise<TreeInput> {
  if (source?.medium) return store.fromId(tenant, source.medium);
  if (source?.url) return store.fromUrl(tenant, source.url, undefined, 'source');
  throw new TesseraError('invalid_request', 'source: give a medium or a url', { param: 'source' });
}

async function jobOf({ parts, requests, results }: JobsParts, tenant: string, id: string): Promise<RpcJob> {
  const record = await requests.ofTenant(tenant, id);
  const status = await parts.jobs.status(id);
  const { state, createdAt, startedAt, finishedAt } = status;
  const ms = (finishedAt?.getTime() ?? 0) - createdAt.getTime();
  const result = state === 'completed' ? await results.shape(record, await parts.jobs.result(id), ms) : undefined;
  return {
    id,
    kind: record.kind,
    state: STATES[state],
    stage: status.stage ?? '',
    percent: status.percent ?? 0,
    createdAt: createdAt.getTime(),
    startedAt: startedAt?.getTime() ?? 0,
    finishedAt: finishedAt?.getTime() ?? 0,
    result: typeof result === 'string' ? result : result === undefined ? '' : JSON.stringify(result),
    error: status.error,
  };
}

/** `tessera.v1.Jobs`: what `/v1/jobs` and the endpoints that make jobs do, for callers of gRPC. */
export function jobsService(all: JobsParts): Service {
  const { parts, callers, requests } = all;
  return service<JobsHandlers>(JobsService.service, {
    async Submit(request, call) {
      const tenant = await tenantOf(callers, call, 'write');
      fit(request);
      const idempotencyKey = request.idempotencyKey === '' ? undefined : request.idempotencyKey;
      requireKey(idempotencyKey);
      const id = await requests.enqueue(tenant, await plan(all, tenant, request), { idempotencyKey });
      return jobOf(all, tenant, id);
    },
    async Get(request, call) {
      return jobOf(all, await tenantOf(callers, call, 'read'), fit(request).id);
    },
    async *Events(request, call) {
      const tenant = await tenantOf(callers, call, 'read');
      const { id, after } = fit(request);
      await requests.ofTenant(tenant, id);
      const from = after === '' ? {} : { after };
      for await (const event of parts.jobs.events(id, { ...from, signal: call.signal })) yield toJobEvent(event);
    },
    async Cancel(request, call) {
      const tenant = await tenantOf(callers, call, 'write');
      const { id } = fit(request);
      await requests.ofTenant(tenant, id);
      await parts.jobs.cancel(id);
      return jobOf(all, tenant, id);
    },
  });
}
