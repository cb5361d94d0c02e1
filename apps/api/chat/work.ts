import { Inject, Injectable } from '@nestjs/common';
import { TesseraError } from '#contracts';
import { answerTree, type TreeInput } from '#jobs';
import { MediaStore } from '../inputs/store.js';
import { ModelNames } from '../models/models.js';
import { PARTS, type ApiParts } from '../parts.js';
import type { Submission } from '../requests.js';
import { conversationOf, detailOf, mediaPartsOf, toInput } from './conversation.js';
import type { ChatRequest } from './request.js';
import { toChatSampling } from './sampling.js';

/** What a chat request asks for, as jobs: of a request of its own and of a line of a batch. */
@Injectable()
export class ChatWork {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(MediaStore) private readonly store: MediaStore,
    @Inject(ModelNames) private readonly models: ModelNames,
  ) {}

  /** Stores the media of the conversation. Each of its choices is a job. */
  async plan(tenant: string, body: ChatRequest): Promise<{ model: string; choice: (n: number) => Submission }> {
    const model = this.models.check(body.model);
    const inputs = await this.inputs(body, tenant);
    const choice = (n: number): Submission => {
      const { messages, selected_tokens: selectedTokens } = body;
      const options = { sampling: toChatSampling(body, n), selectedTokens, detail: detailOf(messages) };
      return {
        kind: 'chat.completion',
        tree: answerTree(conversationOf(messages), inputs, options),
        options: { model, choice: n },
      };
    };
    return { model, choice };
  }

  private async inputs(body: ChatRequest, tenant: string): Promise<TreeInput[]> {
    const media = mediaPartsOf(body.messages);
    const { maxParts } = this.parts.config.limits;
    if (media.length > maxParts)
      throw new TesseraError(
        'invalid_request',
        `messages: holds ${media.length} media; at most ${maxParts} are read.`,
        { param: 'messages' },
      );
    const inputs: TreeInput[] = [];
    for (const { part, param } of media) inputs.push(await toInput(this.store, tenant, part, param));
    return inputs;
  }
}
