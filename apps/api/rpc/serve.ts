import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { serveRpc, type RpcServer } from '#rpc';
import { Callers } from '../identity/callers.js';
import { MediaStore } from '../inputs/store.js';
import { Results } from '../jobs/results.js';
import { PARTS, type ApiParts } from '../parts.js';
import { QuestionWork } from '../questions/work.js';
import { Requests } from '../requests.js';
import { jobsService } from './jobs.js';
import { mediaService } from './media.js';

/** Serves jobs and media by gRPC with the parts of the HTTP edge: the same keys, tenants and limits. */
export function serveEdgeRpc(api: NestFastifyApplication, port: number): Promise<RpcServer> {
  const parts = api.get<ApiParts>(PARTS);
  const callers = api.get(Callers);
  const store = api.get(MediaStore);
  const jobs = jobsService({
    parts,
    callers,
    store,
    requests: api.get(Requests),
    results: api.get(Results),
    questions: api.get(QuestionWork),
  });
  return serveRpc(parts.config.http.host, port, [jobs, mediaService(parts, callers, store)]);
}
