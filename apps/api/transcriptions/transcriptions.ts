import { Controller, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { TesseraError } from '#contracts';
import { transcribeTree, type TreeInput } from '#jobs';
import { disconnected } from '../http/disconnect.js';
import { Operation } from '../http/operation.js';
import { EventStream } from '../http/sse.js';
import { validate } from '../http/validate.js';
import { identityOf } from '../identity/identity.js';
import { readForm } from '../inputs/multipart.js';
import { MediaStore } from '../inputs/store.js';
import { JobReply } from '../jobs/reply.js';
import { JobResource } from '../jobs/resource.js';
import { ModelNames } from '../models/models.js';
import { PARTS, type ApiParts } from '../parts.js';
import { Requests } from '../requests.js';
import { TranscriptionForm } from './request.js';
import { toTranscription } from './result.js';

const Transcription = z
  .object({ text: z.string() })
  .loose()
  .describe('verbose_json adds language, duration, segments and words.');

const DOCUMENTED = {
  tag: 'Audio',
  form: { schema: TranscriptionForm, files: { file: { description: 'Audio, or a video with sound.' } } },
  responses: {
    200: {
      description: 'The transcript',
      schema: Transcription,
      types: ['application/json', 'text/plain', 'text/vtt', 'text/event-stream'],
    },
    202: { description: 'The job, with `Prefer: respond-async`', schema: JobResource },
  },
  errors: ['invalid_request', 'empty_file', 'corrupt_media', 'no_audio_track', 'file_too_large', 'model_not_found'],
} satisfies Partial<Parameters<typeof Operation>[0]>;

@Controller('v1/audio')
export class TranscriptionsController {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(Requests) private readonly requests: Requests,
    @Inject(MediaStore) private readonly store: MediaStore,
    @Inject(ModelNames) private readonly models: ModelNames,
    @Inject(JobReply) private readonly jobs: JobReply,
  ) {}

  @Post('transcriptions')
  @HttpCode(200)
  @Operation({ ...DOCUMENTED, summary: 'Transcribe speech' })
  transcribe(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer(request, reply, 'transcribe');
  }

  @Post('translations')
  @HttpCode(200)
  @Operation({ ...DOCUMENTED, summary: 'Transcribe speech into English' })
  translate(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.answer(request, reply, 'translate');
  }

  private async answer(request: FastifyRequest, reply: FastifyReply, task: 'transcribe' | 'translate'): Promise<void> {
    const { form, input } = await this.read(request);
    this.models.check(form.model);
    const tree = transcribeTree(input.source, {
      task,
      words: form.timestamp_granularities.includes('word'),
      ...(form.language ? { language: form.language } : {}),
      ...(form.prompt ? { prompt: form.prompt } : {}),
      ...(form.hotwords.length > 0 ? { hotwords: form.hotwords } : {}),
      ...(form.replacements.length > 0 ? { replacements: form.replacements } : {}),
      channels: form.channels,
      track: form.track,
    });
    const options = { format: form.response_format, task };
    const id = await this.requests.submit(request, { kind: 'transcription', tree, options });
    if (this.requests.wantsJob(request)) return this.jobs.accepted(request, reply, id);
    reply.header('x-job-id', id);
    if (form.stream) return this.stream(reply, id, form.timestamp_granularities.includes('segment'));
    const { transcript } = await this.requests.wait<'media.hear'>(reply, id);
    const { type, body } = toTranscription(options, transcript, this.parts.formatTranscript);
    await reply.header('content-type', type).send(body);
  }

  private async read(request: FastifyRequest): Promise<{ form: TranscriptionForm; input: TreeInput }> {
    const { tenant } = identityOf(request);
    const { fields, files } = request.isMultipart()
      ? await readForm(request, this.store)
      : { fields: request.body ?? {}, files: [] };
    const form = validate(TranscriptionForm, fields);
    const [file] = files;
    const given =
      [file, form.url, form.media].filter((each) => each !== undefined).length + Math.max(0, files.length - 1);
    if (given !== 1)
      throw new TesseraError('invalid_request', 'file: give one file, url or media id', { param: 'file' });
    if (file) return { form, input: this.store.toInput(file) };
    if (form.media !== undefined) return { form, input: await this.store.fromId(tenant, form.media) };
    return { form, input: await this.store.fromUrl(tenant, form.url ?? '', undefined, 'url') };
  }

  /**
   * https://platform.openai.com/docs/api-reference/audio/transcript-text-delta-event; a segment event, where asked for, says when
   * what the delta before it added is said.
   */
  private async stream(reply: FastifyReply, id: string, withSegments: boolean): Promise<void> {
    const signal = disconnected(reply);
    let stream: EventStream | undefined;
    const told = new Set<string>();
    try {
      for await (const { event } of this.parts.jobs.events(id, { signal })) {
        if (event.type !== 'segment') continue;
        const { start, end, text, channel } = event;
        // A job that started again tells its segments again.
        const key = `${channel} ${start}`;
        if (told.has(key)) continue;
        stream ??= new EventStream(reply);
        await stream.json({ type: 'transcript.text.delta', delta: told.size === 0 ? text : ` ${text}` });
        const segment = { id: `seg_${told.size}`, start, end, text, channel };
        if (withSegments) await stream.json({ type: 'transcript.text.segment', ...segment });
        told.add(key);
      }
      const { transcript } = await this.parts.jobs.result<'media.hear'>(id, { signal });
      stream ??= new EventStream(reply);
      const { text, warnings } = transcript;
      await stream.json({ type: 'transcript.text.done', text, ...(warnings.length > 0 ? { warnings } : {}) });
      await stream.send({ data: '[DONE]' });
      stream.end();
    } catch (error) {
      if (signal.aborted) return;
      if (!stream) throw error;
      await stream.fail(error);
      stream.end();
    } finally {
      if (signal.aborted) await this.requests.abandon(reply, id);
    }
  }
}
