import { Controller, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { wireDescription, DescribeResult, TesseraError } from '#contracts';
import { describeTree, type TreeInput } from '#jobs';
import { toTesseraError } from '../http/errors.js';
import { Operation } from '../http/operation.js';
import { validate } from '../http/validate.js';
import { identityOf } from '../identity/identity.js';
import { DetailField, listOf, MediaId, SamplingFields, toSampling, Url } from '../inputs/fields.js';
import { readForm } from '../inputs/multipart.js';
import { MediaStore } from '../inputs/store.js';
import { JobReply } from '../jobs/reply.js';
import { JobResource } from '../jobs/resource.js';
import { PARTS, type ApiParts } from '../parts.js';
import { Requests } from '../requests.js';

export const DescriptionRequest = z.object({
  url: listOf(Url).describe('http(s) or data URLs of pictures.'),
  media: listOf(MediaId).describe('Ids of media.'),
  prompt: z.string().min(1).max(4096).optional().describe('What to say about the picture.'),
  detail: DetailField,
  ...SamplingFields,
});
type DescriptionRequest = z.output<typeof DescriptionRequest>;

const Failed = z.object({
  input: z.string(),
  error: z.object({ code: z.string(), message: z.string(), param: z.string().optional() }),
});
const Descriptions = z.object({ object: z.literal('list'), data: z.array(z.union([DescribeResult, Failed])) });

function failed({ source }: TreeInput, thrown: unknown): z.input<typeof Failed> {
  const { code, message, param } = toTesseraError(thrown);
  return { input: source.name, error: { code, message, ...(param === undefined ? {} : { param }) } };
}

@Controller('v1/images')
export class DescriptionsController {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(Requests) private readonly requests: Requests,
    @Inject(MediaStore) private readonly store: MediaStore,
    @Inject(JobReply) private readonly jobs: JobReply,
  ) {}

  @Post('descriptions')
  @HttpCode(200)
  @Operation({
    tag: 'Images',
    summary: 'Describe pictures',
    description: 'One picture gives its description; several give a list in which those that failed have an error.',
    body: DescriptionRequest,
    form: { schema: DescriptionRequest, files: { file: { many: true, description: 'Pictures.' } } },
    responses: {
      200: { description: 'The description', schema: z.union([DescribeResult, Descriptions]) },
      202: { description: 'The job, with `Prefer: respond-async` and one picture', schema: JobResource },
    },
    errors: [
      'invalid_request',
      'not_an_image',
      'corrupt_media',
      'too_many_pixels',
      'file_too_large',
      'url_not_allowed',
    ],
  })
  async describe(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { body, inputs } = await this.read(request);
    const [only] = inputs;
    if (!only) throw new TesseraError('invalid_request', 'file: give a file, url or media id', { param: 'file' });
    if (inputs.length === 1) return this.one(request, reply, body, only);
    if (this.requests.wantsJob(request))
      throw new TesseraError('invalid_request', 'file: must be one with Prefer: respond-async', { param: 'file' });
    // What is wrong with the request itself is wrong with all of it.
    this.requests.check(request);
    const data = await Promise.all(
      inputs.map(async (input, part) => {
        const started = performance.now();
        return this.submit(request, body, input, part)
          .then((id) => this.result(reply, id, input, started))
          .catch((error: unknown) => failed(input, error));
      }),
    );
    await reply.send({ object: 'list', data });
  }

  private async one(
    request: FastifyRequest,
    reply: FastifyReply,
    body: DescriptionRequest,
    input: TreeInput,
  ): Promise<void> {
    if (this.requests.wantsJob(request))
      return this.jobs.accepted(request, reply, await this.submit(request, body, input));
    const started = performance.now();
    const id = await this.submit(request, body, input);
    reply.header('x-job-id', id);
    await reply.send(await this.result(reply, id, input, started));
  }

  private submit(
    request: FastifyRequest,
    body: DescriptionRequest,
    { source }: TreeInput,
    part?: number,
  ): Promise<string> {
    const { prompt: instruction, detail } = body;
    const tree = describeTree(source, { instruction, detail, sampling: toSampling(body) });
    return this.requests.submit(request, { kind: 'description', tree, options: { input: source.name } }, part);
  }

  private async result(reply: FastifyReply, id: string, input: TreeInput, started: number): Promise<DescribeResult> {
    const answer = await this.requests.wait<'answer'>(reply, id);
    return wireDescription(input.source.name, answer, performance.now() - started);
  }

  private async read(request: FastifyRequest): Promise<{ body: DescriptionRequest; inputs: TreeInput[] }> {
    const { tenant } = identityOf(request);
    const { fields, files } = request.isMultipart()
      ? await readForm(request, this.store)
      : { fields: request.body ?? {}, files: [] };
    const body = validate(DescriptionRequest, fields);
    const total = files.length + body.url.length + body.media.length;
    const { maxParts } = this.parts.config.limits;
    if (total > maxParts)
      throw new TesseraError('invalid_request', `file: ${total} are too many; at most ${maxParts} are read.`, {
        param: 'file',
      });
    const inputs = files.map((file) => this.store.toInput(file));
    for (const id of body.media) inputs.push(await this.store.fromId(tenant, id));
    for (const url of body.url) inputs.push(await this.store.fromUrl(tenant, url, undefined, 'url'));
    return { body, inputs };
  }
}
