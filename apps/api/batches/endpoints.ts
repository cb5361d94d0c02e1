import { Inject, Injectable } from '@nestjs/common';
import { TesseraError } from '#contracts';
import { ChatRequest } from '../chat/request.js';
import { ChatWork } from '../chat/work.js';
import { validate } from '../http/validate.js';
import { QuestionRequest } from '../questions/request.js';
import { QuestionWork } from '../questions/work.js';
import type { Submission } from '../requests.js';

export const ENDPOINTS = ['/v1/chat/completions', '/v1/questions'] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

/** What an endpoint would do with a body, as a job. */
@Injectable()
export class Endpoints {
  private readonly plans: Record<Endpoint, (tenant: string, body: unknown) => Promise<Submission>>;

  constructor(@Inject(ChatWork) chats: ChatWork, @Inject(QuestionWork) questions: QuestionWork) {
    this.plans = {
      '/v1/chat/completions': async (tenant, body) => {
        const request = validate(ChatRequest, body);
        if (request.stream) throw onlyAlone('stream', 'a batch has no streams');
        if ((request.n ?? 1) > 1) throw onlyAlone('n', 'must be 1 in a batch');
        return (await chats.plan(tenant, request)).choice(0);
      },
      '/v1/questions': async (tenant, body) => {
        const request = validate(QuestionRequest, body);
        if (request.stream) throw onlyAlone('stream', 'a batch has no streams');
        return questions.plan(tenant, request);
      },
    };
  }

  /** Throws what the endpoint would have answered. */
  plan(endpoint: Endpoint, tenant: string, body: unknown): Promise<Submission> {
    return this.plans[endpoint](tenant, body);
  }
}

const onlyAlone = (param: string, reason: string) =>
  new TesseraError('invalid_request', `${param}: ${reason}`, { param });
