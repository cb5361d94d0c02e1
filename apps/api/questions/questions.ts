import { Controller, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { wireAnswer, AskResult, TesseraError } from '#contracts';
import { answerTree, type TreeInput } from '#jobs';
import { deltas } from '../answers.js';
import { disconnected } from '../http/disconnect.js';
import { toEnvelope, toTesseraError } from '../http/errors.js';
import { Operation } from '../http/operation.js';
import { EventStream } from '../http/sse.js';
import { validate } from '../http/validate.js';
import { identityOf } from '../identity/identity.js';
import { formBoolean, formNumber, listOf, MediaId, SamplingFields, toSampling, Url } from '../inputs/fields.js';
import { readForm } from '../inputs/multipart.js';
import { MediaStore } from '../inputs/store.js';
import { JobReply } from '../jobs/reply.js';
import { JobResource } from '../jobs/resource.js';
import { PARTS, type ApiParts } from '../parts.js';
import { Requests } from '../requests.js';

export const QuestionRequest = z.object({
  question: z.string().min(1).max(16_384),
  urls: listOf(Url).describe('http(s) or data URLs of what the question is about.'),
  media: listOf(MediaId).describe('Ids of media.'),
  selected_tokens: formNumber
    .pipe(z.number().int().min(64).max(65536))
    .optional()
    .describe('Attention budget in tokens.'),
  stream: formBoolean.default(false).describe('Server-sent events: token, then done (the whole result) or error.'),
  ...SamplingFields,
});
type QuestionRequest = z.output<typeof QuestionRequest>;

@Controller('v1/questions')
export class QuestionsController {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(Requests) private readonly requests: Requests,
    @Inject(MediaStore) private readonly store: MediaStore,
    @Inject(JobReply) private readonly jobs: JobReply,
  ) {}

  @Post()
  @HttpCode(200)
  @Operation({
    tag: 'Questions',
    summary: 'Ask about pictures, recordings, videos and documents',
    description: 'The answer cites what it rests on: the file, and its time range or page.',
    body: QuestionRequest,
    form: { schema: QuestionRequest, files: { files: { many: true, description: 'What the question is about.' } } },
    responses: {
      200: { description: 'The answer', schema: AskResult, types: ['application/json', 'text/event-stream'] },
      202: { description: 'The job, with `Prefer: respond-async`', schema: JobResource },
    },
    errors: ['invalid_request', 'url_not_allowed', 'media_not_found', 'corrupt_media', 'file_too_large', 'overloaded'],
  })
  async ask(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const started = performance.now();
    const { body, inputs } = await this.read(request);
    const { question, selected_tokens: selectedTokens } = body;
    const tree = answerTree({ type: 'ask', question }, inputs, { sampling: toSampling(body), selectedTokens });
    const id = await this.requests.submit(request, { kind: 'question', tree, options: { question } });
    if (this.requests.wantsJob(request)) return this.jobs.accepted(request, reply, id);
    reply.header('x-job-id', id);
    if (body.stream) return this.stream(reply, id, question, started);
    const answer = await this.requests.wait<'answer'>(reply, id);
    await reply.send(wireAnswer(question, answer, performance.now() - started));
  }

  private async read(request: FastifyRequest): Promise<{ body: QuestionRequest; inputs: TreeInput[] }> {
    const { tenant } = identityOf(request);
    const { fields, files } = request.isMultipart()
      ? await readForm(request, this.store)
      : { fields: request.body ?? {}, files: [] };
    const body = validate(QuestionRequest, fields);
    const total = files.length + body.urls.length + body.media.length;
    const { maxParts } = this.parts.config.limits;
    if (total > maxParts)
      throw new TesseraError('invalid_request', `files: ${total} are too many; at most ${maxParts} are read.`, {
        param: 'files',
      });
    const inputs = files.map((file) => this.store.toInput(file));
    for (const id of body.media) inputs.push(await this.store.fromId(tenant, id));
    for (const url of body.urls) inputs.push(await this.store.fromUrl(tenant, url, undefined, 'urls'));
    return { body, inputs };
  }

  private async stream(reply: FastifyReply, id: string, question: string, started: number): Promise<void> {
    const signal = disconnected(reply);
    const stream = new EventStream(reply);
    try {
      for await (const { text } of deltas(this.parts.jobs.events(id, { signal }))) await stream.json({ text }, 'token');
      const answer = await this.parts.jobs.result<'answer'>(id, { signal });
      await stream.json(wireAnswer(question, answer, performance.now() - started), 'done');
    } catch (error) {
      if (!signal.aborted) await stream.json(toEnvelope(toTesseraError(error)).body, 'error');
    } finally {
      if (signal.aborted) await this.parts.jobs.cancel(id).catch(() => undefined);
      stream.end();
    }
  }
}
