import 'reflect-metadata';
import helmet from '@fastify/helmet';
import multipart from '@fastify/multipart';
import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { randomUUID } from 'node:crypto';
import type { Config } from '#platform';
import { mountBoard } from './board/board.js';
import { BatchesController } from './batches/batches.js';
import { Endpoints } from './batches/endpoints.js';
import { BatchRun } from './batches/run.js';
import { BatchRunner } from './batches/runner.js';
import { ChatController } from './chat/chat.js';
import { ChatWork } from './chat/work.js';
import { DescriptionsController } from './descriptions/descriptions.js';
import { FilesController } from './files/files.js';
import { FileStore } from './files/store.js';
import { Draining, HealthController } from './health/health.js';
import { MetricsController } from './health/metrics.js';
import { ErrorFilter } from './http/errors.js';
import { Housekeeping } from './housekeeping.js';
import { logRequests } from './http/log.js';
import { allowNoBody } from './http/no-body.js';
import { refuseUnfitAddresses } from './http/plain-text.js';
import { SECURITY } from './http/security.js';
import { Callers } from './identity/callers.js';
import { IdentityGuard } from './identity/guard.js';
import { Quota } from './inputs/quota.js';
import { MediaStore } from './inputs/store.js';
import { JobsController } from './jobs/jobs.js';
import { JobReply } from './jobs/reply.js';
import { Results } from './jobs/results.js';
import { EvidenceController } from './media/evidence.js';
import { traceRequests } from './http/traces.js';
import { SignedLinks } from './media/signed-links.js';
import { MediaController } from './media/media.js';
import { Uploads, UploadsController, passUploads } from './media/uploads.js';
import { TimelineController } from './media/timeline.js';
import { ModelNames, ModelsController } from './models/models.js';
import { openApiDocument } from './openapi/document.js';
import { PARTS, type ApiParts } from './parts.js';
import { QuestionsController } from './questions/questions.js';
import { QuestionWork } from './questions/work.js';
import { Requests } from './requests.js';
import { SearchController } from './search/search.js';
import { TranscriptionsController } from './transcriptions/transcriptions.js';
import { WebhookSender } from './webhooks/sender.js';
import { WebhooksController } from './webhooks/webhooks.js';

export const CONTROLLERS: readonly Type[] = [
  DescriptionsController,
  TranscriptionsController,
  QuestionsController,
  ChatController,
  ModelsController,
  MediaController,
  UploadsController,
  TimelineController,
  EvidenceController,
  SearchController,
  FilesController,
  BatchesController,
  JobsController,
  WebhooksController,
  HealthController,
  MetricsController,
];

/** What pages of other origins may send. */
const METHODS = ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'];

@Module({})
class ApiModule {
  static with(parts: ApiParts): DynamicModule {
    return {
      module: ApiModule,
      controllers: [...CONTROLLERS],
      providers: [
        { provide: PARTS, useValue: parts },
        { provide: APP_GUARD, useClass: IdentityGuard },
        Callers,
        WebhookSender,
        Requests,
        SignedLinks,
        Results,
        JobReply,
        Quota,
        MediaStore,
        Uploads,
        FileStore,
        ChatWork,
        QuestionWork,
        Endpoints,
        BatchRun,
        BatchRunner,
        ModelNames,
        Draining,
        Housekeeping,
      ],
    };
  }
}

/**
 * Whose word for the address of a client is believed. Proxies are counted from here, since clients may write what stands farther left in
 * X-Forwarded-For. Fastify believes nobody where it is given a number.
 */
const trustOf = (proxies: Config['http']['trustProxy']) =>
  typeof proxies === 'number' ? (_address: string, hop: number) => hop < proxies : proxies;

/** The HTTP edge on its parts; `listen` starts it, `close` lets running requests end. It does not own its parts. */
export async function createApi(parts: ApiParts): Promise<NestFastifyApplication> {
  const { http, limits } = parts.config;
  const adapter = new FastifyAdapter({
    bodyLimit: http.maxBodyBytes,
    trustProxy: trustOf(http.trustProxy),
    requestIdHeader: 'x-request-id',
    genReqId: () => randomUUID(),
    forceCloseConnections: 'idle',
    // No longer than Node lets the head of a request be: a path of any length is answered as the others are.
    routerOptions: { maxParamLength: 16_384 },
  });
  const app = await NestFactory.create<NestFastifyApplication>(ApiModule.with(parts), adapter, {
    logger: false,
    abortOnError: false,
  });
  await app.register(helmet as never, SECURITY as never);
  await app.register(multipart as never, {
    throwFileSizeLimit: false,
    limits: {
      fileSize: limits.maxFileBytes + 1,
      files: limits.maxParts,
      fields: 100,
      fieldSize: http.maxBodyBytes,
      parts: limits.maxParts + 100,
    },
  });
  const fastify = adapter.getInstance();
  fastify.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  logRequests(fastify);
  traceRequests(fastify);
  refuseUnfitAddresses(fastify);
  allowNoBody(fastify);
  passUploads(fastify);
  if (http.corsOrigins.length > 0)
    app.enableCors({
      origin: http.corsOrigins,
      methods: METHODS,
      exposedHeaders: ['x-request-id', 'x-job-id', 'location'],
    });
  app.useGlobalFilters(new ErrorFilter());
  const document = openApiDocument(CONTROLLERS, '0.1.0') as unknown as OpenAPIObject;
  SwaggerModule.setup('docs', app, document, {
    jsonDocumentUrl: 'docs/json',
    yamlDocumentUrl: 'docs/yaml',
    customSiteTitle: 'Tessera',
  });
  const requests = app.get(Requests);
  const { jobs, records } = parts;
  await mountBoard(fastify, app.get(Callers), {
    jobs,
    records,
    runAgain: (record) => requests.runAgain(record, { unbounded: true }),
  });
  await app.init();
  await fastify.ready();
  return app;
}
