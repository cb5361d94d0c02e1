import { Inject, Injectable } from '@nestjs/common';
import { JOBS, wireAnswer, wireDescription, type Answer, type JobResult } from '#contracts';
import type { RequestKind, RequestRecord } from '#storage';
import { toCompletion } from '../chat/completion.js';
import { SignedLinks } from '../media/signed-links.js';
import { toTimeline } from '../media/timeline-resource.js';
import { PARTS, type ApiParts } from '../parts.js';
import { toTranscription } from '../transcriptions/result.js';

interface Tools extends ApiParts {
  links: SignedLinks;
}
type Shape = (request: RequestRecord, result: unknown, tools: Tools, totalMs: number) => unknown;

/** One form per kind of request: the same whether its client waited or comes for it later. */
const SHAPES: Record<RequestKind, Shape> = {
  description: (request, result, _tools, ms) => wireDescription(String(request.options['input']), result as Answer, ms),
  question: async (request, result, { links }, ms) => ({
    ...wireAnswer(String(request.options['question']), result as Answer, ms),
    citations: await links.citations(request.tenant, [result as Answer]),
  }),
  'chat.completion': async (request, result, { links }) => ({
    ...toCompletion({ id: request.id, model: String(request.options['model']), created: request.createdAt }, [
      result as Answer,
    ]),
    citations: await links.citations(request.tenant, [result as Answer]),
  }),
  transcription: (request, result, { formatTranscript }) =>
    toTranscription(request.options, (result as JobResult<'media.hear'>).transcript, formatTranscript).body,
  media: (_request, result) => result,
  timeline: ({ options }, result, { blobs }) => toTimeline(blobs, options, JOBS['media.compose'].result.parse(result)),
  evidence: ({ options }, result) => ({
    url: options['url'],
    mime_type: JOBS['media.extract'].result.parse(result).mimeType,
  }),
};

@Injectable()
export class Results {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(SignedLinks) private readonly links: SignedLinks,
  ) {}

  async shape(request: RequestRecord, result: unknown, totalMs: number): Promise<unknown> {
    return SHAPES[request.kind](request, result, { ...this.parts, links: this.links }, totalMs);
  }
}
