import { Sampling, TesseraError, type DecodeRequest, type Segment, type SequencePart } from '#contracts';
import type { GenerateRequest, GenerateRequest__Output, RpcPart, RpcPart__Output, RpcSampling } from '#rpc';

function toPart(part: SequencePart): RpcPart {
  if (part.type === 'text') return { text: { text: part.text, special: part.special ?? false } };
  const { data, rows, hash } = part;
  return { embeddings: { data: Array.from(data), rows, hash } };
}

function toSampling({ jsonSchema, ...sampling }: DecodeRequest['sampling']): RpcSampling {
  return { ...sampling, ...(jsonSchema === undefined ? {} : { jsonSchema: JSON.stringify(jsonSchema) }) };
}

/** A request as it goes over the wire. Spans and quotes stay here: the decoder has no use for them. */
export function toGenerateRequest(request: DecodeRequest, pack: string): GenerateRequest {
  return {
    prefix: request.prefix.map(toPart),
    segments: request.segments.map(({ parts }) => ({ parts: parts.map(toPart) })),
    question: request.question.map(toPart),
    sampling: toSampling(request.sampling),
    prior: request.prior ?? [],
    batch: request.priority === 'batch',
    pack,
    ...(request.selectedTokens === undefined ? {} : { selectedTokens: request.selectedTokens }),
    ...(request.drafts === undefined ? {} : { drafts: request.drafts }),
    ...(request.keepBytes === undefined ? {} : { keepBytes: request.keepBytes }),
    ...(request.enoughTokens === undefined ? {} : { enoughTokens: request.enoughTokens }),
  };
}

function fromPart({ text, embeddings }: RpcPart__Output): SequencePart {
  if (text) return { type: 'text', text: text.text, special: text.special };
  if (!embeddings) throw new TesseraError('invalid_request', 'A part of the sequence is neither text nor embeddings.');
  const { data, rows, hash } = embeddings;
  if (rows === 0 || data.length === 0 || data.length % rows !== 0)
    throw new TesseraError('invalid_request', `Embeddings: ${data.length} numbers are not ${rows} equal rows.`);
  return { type: 'embeddings', data: Float32Array.from(data), rows, hash };
}

function fromSampling(sampling: GenerateRequest__Output['sampling']): Sampling {
  const { jsonSchema, ...rest } = sampling ?? {};
  const parsed = Sampling.safeParse({
    ...rest,
    ...(jsonSchema === undefined ? {} : { jsonSchema: readJson(jsonSchema) }),
  });
  if (parsed.data) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new TesseraError('invalid_request', `sampling.${issue?.path.join('.')}: ${issue?.message}`);
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TesseraError('invalid_request', 'sampling.json_schema: is not JSON', { cause: error });
  }
}

const NOWHERE: Pick<Segment, 'span' | 'quote'> = { span: { mediumId: '' }, quote: '' };

/** A request that came over the wire. Throws `invalid_request`. */
export function fromGenerateRequest(request: GenerateRequest__Output): DecodeRequest {
  const { prior, segments, selectedTokens, drafts, keepBytes, enoughTokens } = request;
  if (prior.length !== 0 && prior.length !== segments.length)
    throw new TesseraError('invalid_request', `prior: has ${prior.length} numbers for ${segments.length} segments`);
  return {
    prefix: request.prefix.map(fromPart),
    segments: segments.map(({ parts }) => ({ ...NOWHERE, parts: parts.map(fromPart) })),
    question: request.question.map(fromPart),
    sampling: fromSampling(request.sampling),
    priority: request.batch ? 'batch' : 'interactive',
    ...(prior.length === 0 ? {} : { prior }),
    ...(selectedTokens === undefined ? {} : { selectedTokens }),
    ...(drafts === undefined ? {} : { drafts }),
    ...(keepBytes === undefined ? {} : { keepBytes }),
    ...(enoughTokens === undefined ? {} : { enoughTokens }),
  };
}
