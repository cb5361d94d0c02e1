import { Inject, Injectable } from '@nestjs/common';
import { TesseraError } from '#contracts';
import { answerTree, type TreeInput } from '#jobs';
import type { MediaRecord } from '#storage';
import { toSampling } from '../inputs/fields.js';
import { MediaStore } from '../inputs/store.js';
import { PARTS, type ApiParts } from '../parts.js';
import type { Submission } from '../requests.js';
import type { QuestionRequest } from './request.js';

/** What a question asks for, as a job: of a request of its own and of a line of a batch. */
@Injectable()
export class QuestionWork {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(MediaStore) private readonly store: MediaStore,
  ) {}

  async plan(tenant: string, body: QuestionRequest, files: readonly MediaRecord[] = []): Promise<Submission> {
    const total = files.length + body.urls.length + body.media.length;
    const { maxParts } = this.parts.config.limits;
    if (total > maxParts)
      throw new TesseraError('invalid_request', `files: ${total} are too many; at most ${maxParts} are read.`, {
        param: 'files',
      });
    const inputs = files.map((file) => this.store.toInput(file));
    for (const id of body.media) inputs.push(await this.store.fromId(tenant, id));
    for (const url of body.urls) inputs.push(await this.store.fromUrl(tenant, url, undefined, 'urls'));
    const { question, summary, detail, selected_tokens: selectedTokens } = body;
    const task = { type: 'ask' as const, question, ...(summary ? { summary } : {}) };
    const tree = answerTree(
      task,
      inputs.map((input) => within(input, body)),
      { sampling: toSampling(body), selectedTokens, detail },
    );
    return { kind: 'question', tree, options: { question } };
  }
}

/** The part of a medium that is asked about. Pictures and texts have no times. */
function within(input: TreeInput, { start, end }: Pick<QuestionRequest, 'start' | 'end'>): TreeInput {
  if (start === undefined && end === undefined) return input;
  const range = { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
  return { ...input, see: { ...input.see, ...range }, hear: { ...input.hear, ...range } };
}
