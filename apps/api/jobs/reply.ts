import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PARTS, type ApiParts } from '../parts.js';
import { Requests } from '../requests.js';
import { toResource, type JobResource } from './resource.js';
import { Results } from './results.js';

/** Jobs as answers. */
@Injectable()
export class JobReply {
  constructor(
    @Inject(PARTS) private readonly parts: ApiParts,
    @Inject(Requests) private readonly requests: Requests,
    @Inject(Results) private readonly results: Results,
  ) {}

  /** 202 with the job and where to find it (RFC 7240). */
  async accepted(request: FastifyRequest, reply: FastifyReply, id: string): Promise<void> {
    const resource = await this.resource(request, id);
    await reply
      .status(202)
      .headers({ location: `/v1/jobs/${id}`, 'preference-applied': 'respond-async', 'x-job-id': id })
      .send(resource);
  }

  /** A job of the caller with its result, in the form its request would have been answered in. Throws `job_not_found`. */
  async resource(request: FastifyRequest, id: string): Promise<JobResource> {
    // At the same time, because this is asked again and again; whichever is missing says the same.
    const [record, status] = await Promise.all([this.requests.own(request, id), this.parts.jobs.status(id)]);
    if (status.state !== 'completed') return toResource(record, status);
    const ms = (status.finishedAt?.getTime() ?? 0) - status.createdAt.getTime();
    return toResource(record, status, await this.results.shape(record, await this.parts.jobs.result(id), ms));
  }
}
