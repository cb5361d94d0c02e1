import 'reflect-metadata';
import type { z } from 'zod';
import type { ErrorCode } from '#contracts';

/** What the OpenAPI document says of a route beyond its method and path. */
export interface OperationOptions {
  summary: string;
  description?: string;
  tag: string;
  /** JSON body. */
  body?: z.ZodType;
  /** Fields of a multipart body, with its files. */
  form?: { schema: z.ZodObject; files: Record<string, { many?: boolean; description: string }> };
  query?: z.ZodObject;
  headers?: z.ZodObject;
  responses: Record<number, { description: string; schema?: z.ZodType; types?: string[] }>;
  errors?: ErrorCode[];
}

const KEY = Symbol('operation');

/** Describes a route for the OpenAPI document, from the schemas that validate it. */
export function Operation(options: OperationOptions): MethodDecorator {
  return (_target, _name, descriptor) => Reflect.defineMetadata(KEY, options, descriptor.value as object);
}

export const operationOf = (method: object): OperationOptions | undefined =>
  Reflect.getMetadata(KEY, method) as OperationOptions | undefined;
