import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { RequestMethod, type Type } from '@nestjs/common';
import { z } from 'zod';
import { ERRORS, type ErrorCode } from '#contracts';
import { operationOf, type OperationOptions } from '../http/operation.js';
import { JobResource } from '../jobs/resource.js';
import { WebhookEvent } from '../webhooks/event.js';

type Json = Record<string, unknown>;

const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
  }) as Json;
  return rest;
};

const ErrorSchema: Json = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'code', 'param'],
      properties: {
        message: { type: 'string' },
        type: { type: 'string' },
        code: { type: 'string' },
        param: { type: ['string', 'null'] },
      },
    },
  },
};

function formOf({ schema, files }: NonNullable<OperationOptions['form']>): Json {
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as { properties?: Json; required?: string[] };
  const binary = { type: 'string', format: 'binary' };
  const parts = Object.entries(files).map(([name, { many, description }]) => [
    name,
    many ? { type: 'array', items: binary, description } : { ...binary, description },
  ]);
  return { type: 'object', properties: { ...Object.fromEntries(parts), ...properties }, required };
}

function bodyOf({ body, form }: OperationOptions): Json | undefined {
  const content = {
    ...(body ? { 'application/json': { schema: schemaOf(body, 'input') } } : {}),
    ...(form ? { 'multipart/form-data': { schema: formOf(form) } } : {}),
  };
  return Object.keys(content).length === 0 ? undefined : { required: true, content };
}

/** What every request for work may carry: its schema of 202 is the job. */
const WORK_HEADERS: [name: string, description: string][] = [
  ['Prefer', '`respond-async` answers 202 with the job in place of its result.'],
  ['Idempotency-Key', 'The same key with the same work is the same job.'],
  ['Webhook-Url', 'With `Prefer: respond-async`: who is told of the end of the job.'],
];

/** What may be wrong with any of it: its media, its `Idempotency-Key`, or the moment. */
const WORK_ERRORS: ErrorCode[] = [
  'media_not_found', 'conflict', 'file_too_large', 'too_many_pixels', 'media_too_long', 'unsupported_media', 'corrupt_media',
  'url_not_allowed', 'overloaded',
]; // prettier-ignore

const isWork = ({ responses }: OperationOptions) => responses[202]?.schema === JobResource;

function headersOf(operation: OperationOptions): Json[] {
  if (!isWork(operation)) return [];
  return WORK_HEADERS.map(([name, description]) => ({ name, in: 'header', description, schema: { type: 'string' } }));
}

/** https://spec.openapis.org/oas/v3.1.0#oas-webhooks */
function webhooksOf(): Json {
  const post = {
    summary: 'The end of a job, signed after Standard Webhooks',
    parameters: ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => ({
      name,
      in: 'header',
      required: true,
      schema: { type: 'string' },
    })),
    requestBody: { required: true, content: { 'application/json': { schema: schemaOf(WebhookEvent, 'output') } } },
    responses: {
      '2XX': { description: 'Taken. Everything else is tried again.' },
      410: { description: 'Never again.' },
    },
  };
  return { job: { post } };
}

function parametersOf(path: string, operation: OperationOptions): Json[] {
  const { query } = operation;
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const { properties = {}, required = [] } = (query ? schemaOf(query, 'input') : {}) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  const inQuery = Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    ...(required.includes(name) ? { required: true } : {}),
    description,
    schema,
  }));
  return [...inPath, ...inQuery, ...headersOf(operation)];
}

/** OpenAPI 3.1 has no form for the events of a stream. */
function contentOf(type: string, schema: z.ZodType | undefined): Json {
  if (type === 'text/event-stream') return {};
  return { schema: type === 'application/json' && schema ? schemaOf(schema, 'output') : { type: 'string' } };
}

function responsesOf(operation: OperationOptions): Json {
  const { responses, errors = [] } = operation;
  const all: Json = {};
  for (const [status, { description, schema, types }] of Object.entries(responses)) {
    const media = (types ?? (schema ? ['application/json'] : [])).map((type) => [type, contentOf(type, schema)]);
    all[status] = { description, ...(media.length > 0 ? { content: Object.fromEntries(media) as Json } : {}) };
  }
  const byStatus = new Map<number, ErrorCode[]>();
  // An address or header can be wrong anywhere.
  const anywhere: ErrorCode[] = ['invalid_request', 'unauthorized', 'rate_limited', 'internal'];
  for (const code of new Set([...errors, ...(isWork(operation) ? WORK_ERRORS : []), ...anywhere])) {
    const status = code === 'overloaded' ? 503 : ERRORS[code].status;
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const content = { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } };
  for (const [status, codes] of byStatus) all[status] ??= { description: codes.join(', '), content };
  return all;
}

/** The OpenAPI 3.1 document, from the routes and the schemas that validate them. */
export function openApiDocument(controllers: readonly Type[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const controller of controllers) {
    const base = String(Reflect.getMetadata(PATH_METADATA, controller));
    const prototype = controller.prototype as Record<string, object>;
    for (const name of Object.getOwnPropertyNames(prototype)) {
      const method = prototype[name] as object;
      const operation = operationOf(method);
      if (!operation) continue;
      const tail = String(Reflect.getMetadata(PATH_METADATA, method));
      const path = `/${[base, tail].filter((part) => part !== '/' && part !== '').join('/')}`.replace(
        /:(\w+)/g,
        '{$1}',
      );
      const verb = RequestMethod[Reflect.getMetadata(METHOD_METADATA, method) as RequestMethod].toLowerCase();
      const parameters = parametersOf(path, operation);
      const requestBody = bodyOf(operation);
      paths[path] = {
        ...paths[path],
        [verb]: {
          operationId: `${controller.name.replace(/Controller$/, '')}_${name}`,
          tags: [operation.tag],
          summary: operation.summary,
          ...(operation.description ? { description: operation.description } : {}),
          ...(parameters.length > 0 ? { parameters } : {}),
          ...(requestBody ? { requestBody } : {}),
          responses: responsesOf(operation),
        },
      };
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tessera',
      version,
      description:
        'Describe pictures, transcribe speech, and ask about any mix of media. OpenAI clients work unchanged.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    webhooks: webhooksOf(),
    components: {
      schemas: { Error: ErrorSchema },
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
    },
    security: [{ key: [] }],
  };
}
