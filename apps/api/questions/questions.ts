import { Controller, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { wireAnswer, AskResult, type Answer } from '#contracts';
import { deltas } from '../answers.js';
import { disconnected } from '../http/disconnect.js';
import { Operation } from '../http/operation.js';
import { EventStream } from '../http/sse.js';
import { validate } from '../http/validate.js';
import { identityOf } from '../identity/identity.js';
import { readForm } from '../inputs/multipart.js';
import { MediaStore } from '../inputs/store.js';
import { JobReply } from '../jobs/reply.js';
import { JobResource } from '../jobs/resource.js';
import { SignedLinks } from '../media/signed-links.js';
import { PARTS, type ApiParts } from '../parts.js';
import { Requests, type Submission } from '../requests.js';
import { QuestionRequest } from './request.js';
import { QuestionWork } from './work.js';

@Controller('v1/questions')
export class QuestionsController {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(Requests) private readonly requests: Requests,
    @Inject(MediaStore) private readonly store: MediaStore,
    @Inject(JobReply) private readonly jobs: JobReply,
    @Inject(SignedLinks) private readonly links: SignedLinks,
    @Inject(QuestionWork) private readonly work: QuestionWork,
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
    const { body, submission } = await this.read(request);
    const { question } = body;
    const id = await this.requests.submit(request, submission);
    if (this.requests.wantsJob(request)) return this.jobs.accepted(request, reply, id);
    reply.header('x-job-id', id);
    if (body.stream) return this.stream(request, reply, id, question, started);
    const answer = await this.requests.wait<'answer'>(reply, id);
    await reply.send(await this.result(request, question, answer, started));
  }

  private async read(request: FastifyRequest): Promise<{ body: QuestionRequest; submission: Submission }> {
    const { tenant } = identityOf(request);
    const { fields, files } = request.isMultipart()
      ? await readForm(request, this.store)
      : { fields: request.body ?? {}, files: [] };
    const body = validate(QuestionRequest, fields);
    return { body, submission: await this.work.plan(tenant, body, files) };
  }

  private async result(request: FastifyRequest, question: string, answer: Answer, started: number): Promise<AskResult> {
    const totalMs = performance.now() - started;
    const citations = await this.links.citations(identityOf(request).tenant, [answer]);
    return { ...wireAnswer(question, answer, totalMs), citations };
  }

  private async stream(
    request: FastifyRequest,
    reply: FastifyReply,
    id: string,
    question: string,
    started: number,
  ): Promise<void> {
    const signal = disconnected(reply);
    const stream = new EventStream(reply);
    try {
      for await (const { text } of deltas(this.parts.jobs.events(id, { signal }))) await stream.json({ text }, 'token');
      const answer = await this.parts.jobs.result<'answer'>(id, { signal });
      await stream.json(await this.result(request, question, answer, started), 'done');
    } catch (error) {
      if (!signal.aborted) await stream.fail(error, 'error');
    } finally {
      if (signal.aborted) await this.requests.abandon(reply, id);
      stream.end();
    }
  }
}
