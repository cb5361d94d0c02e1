import { Controller, Get, Inject, Injectable, Param } from '@nestjs/common';
import { z } from 'zod';
import { TesseraError } from '#contracts';
import { Operation } from '../http/operation.js';
import { PARTS, type ApiParts } from '../parts.js';

export const Model = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.number(),
  owned_by: z.string(),
});
export const ModelList = z.object({ object: z.literal('list'), data: z.array(Model) });

/** Names under which clients may ask for the loaded pack. */
@Injectable()
export class ModelNames {
  constructor(@Inject(PARTS) private readonly parts: ApiParts) {}

  list(): string[] {
    return [this.parts.config.pack, ...this.parts.config.http.modelAliases];
  }

  /** Throws `model_not_found` for another model than the one that is there; absent means that one. */
  check(name: string | undefined): string {
    if (name === undefined || this.list().includes(name)) return name ?? this.parts.config.pack;
    throw new TesseraError(
      'model_not_found',
      `There is no model ${name}; this service has ${this.list().join(', ')}.`,
      {
        param: 'model',
      },
    );
  }
}

const toModel = (id: string) => ({ id, object: 'model' as const, created: 0, owned_by: 'tessera' });

@Controller('v1/models')
export class ModelsController {
  constructor(@Inject(ModelNames) private readonly names: ModelNames) {}

  @Get()
  @Operation({
    tag: 'Models',
    summary: 'List models',
    responses: { 200: { description: 'The models', schema: ModelList } },
  })
  list(): z.infer<typeof ModelList> {
    return { object: 'list', data: this.names.list().map(toModel) };
  }

  @Get(':model')
  @Operation({
    tag: 'Models',
    summary: 'Get a model',
    responses: { 200: { description: 'The model', schema: Model } },
    errors: ['model_not_found'],
  })
  get(@Param('model') model: string): z.infer<typeof Model> {
    return toModel(this.names.check(model));
  }
}
