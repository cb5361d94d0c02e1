import { Body, Controller, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { TesseraError, type Answer } from '#contracts';
import { deltas } from '../answers.js';
import { disconnected } from '../http/disconnect.js';
import { Operation } from '../http/operation.js';
import { EventStream } from '../http/sse.js';
import { ZodPipe } from '../http/validate.js';
import { identityOf } from '../identity/identity.js';
import { JobResource } from '../jobs/resource.js';
import { JobReply } from '../jobs/reply.js';
import { SignedLinks } from '../media/signed-links.js';
import { PARTS, type ApiParts } from '../parts.js';
import { Requests } from '../requests.js';
import { ChatCompletion, toChunk, toCompletion, toUsageChunk, toWarnings, type Head } from './completion.js';
import { ChatRequest } from './request.js';
import { ChatWork } from './work.js';

/** A job that has not answered by then is streamed to all the same, so that proxies do not give up. */
const FIRST_EVENT_MS = 8_000;

@Controller('v1/chat')
export class ChatController {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(Requests) private readonly requests: Requests,
    @Inject(ChatWork) private readonly work: ChatWork,
    @Inject(JobReply) private readonly jobs: JobReply,
    @Inject(SignedLinks) private readonly links: SignedLinks,
  ) {}

  @Post('completions')
  @HttpCode(200)
  @Operation({
    tag: 'Chat',
    summary: 'Answer a conversation',
    description:
      "OpenAI's interface. Parts may be text, pictures, audio, video and files; `stream` sends server-sent events.",
    body: ChatRequest,
    responses: {
      200: { description: 'The answer', schema: ChatCompletion, types: ['application/json', 'text/event-stream'] },
      202: { description: 'The job, with `Prefer: respond-async`', schema: JobResource },
    },
    errors: ['invalid_request', 'model_not_found', 'url_not_allowed', 'media_not_found', 'conflict', 'overloaded'],
  })
  async complete(
    @Body(new ZodPipe(ChatRequest)) body: ChatRequest,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const work = await this.work.plan(identityOf(request).tenant, body);
    const n = body.n ?? 1;
    const submit = (choice: number) => this.requests.submit(request, work.choice(choice), n > 1 ? choice : undefined);
    if (this.requests.wantsJob(request)) {
      if (n > 1) throw new TesseraError('invalid_request', 'n: must be 1 with Prefer: respond-async', { param: 'n' });
      return this.jobs.accepted(request, reply, await submit(0));
    }
    const first = await submit(0);
    const head: Head = { id: first, model: work.model, created: new Date() };
    reply.header('x-job-id', first);
    if (body.stream) return this.stream(body, head, reply, n, first, submit);
    const answers: Answer[] = [];
    for (let choice = 0; choice < n; choice++)
      answers.push(await this.requests.wait<'answer'>(reply, choice === 0 ? first : await submit(choice)));
    const citations = await this.links.citations(identityOf(request).tenant, answers);
    await reply.send({ ...toCompletion(head, answers), citations });
  }

  /** Choices come one after the other; each is a job of its own. */
  private async stream(
    body: ChatRequest,
    head: Head,
    reply: FastifyReply,
    n: number,
    first: string,
    submit: (choice: number) => Promise<string>,
  ): Promise<void> {
    const signal = disconnected(reply);
    let id = first;
    let stream: EventStream | undefined;
    try {
      await this.firstEvent(id, signal);
      const answers: Answer[] = [];
      for (let choice = 0; choice < n && !signal.aborted; choice++) {
        if (choice > 0) id = await submit(choice);
        stream ??= new EventStream(reply);
        await stream.json(toChunk(head, choice, { role: 'assistant', content: '' }));
        for await (const { text, logprob } of deltas(this.parts.jobs.events(id, { signal })))
          await stream.json(toChunk(head, choice, { content: text }, { logprob }));
        const answer = await this.parts.jobs.result<'answer'>(id, { signal });
        answers.push(answer);
        await stream.json({
          ...toChunk(head, choice, {}, { finish_reason: answer.finishReason }),
          citations: await this.links.citations(identityOf(reply.request).tenant, [answer]),
          ...toWarnings([answer]),
        });
      }
      if (body.stream_options?.include_usage) await stream?.json(toUsageChunk(head, answers));
      await stream?.send({ data: '[DONE]' });
      stream?.end();
    } catch (error) {
      if (signal.aborted) return;
      if (!stream) throw error;
      await stream.fail(error);
      stream.end();
    } finally {
      if (signal.aborted) await this.requests.abandon(reply, id);
    }
  }

  /** Until the first word or the end: a job that fails before it says anything is answered with a proper status. */
  private async firstEvent(id: string, signal: AbortSignal): Promise<void> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(FIRST_EVENT_MS)]);
    for await (const { event } of this.parts.jobs.events(id, { signal: limit })) {
      if (event.type === 'token') return;
      if (event.type === 'state' && (event.state === 'failed' || event.state === 'cancelled'))
        await this.parts.jobs.result(id);
    }
  }
}
