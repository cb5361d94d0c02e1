import { z } from 'zod';
import { DetailField } from '../inputs/fields.js';

/** https://platform.openai.com/docs/api-reference/chat/create. Fields that this service has no use for are ignored. */
const TextPart = z.object({ type: z.literal('text'), text: z.string() });
const ImagePart = z.object({
  type: z.literal('image_url'),
  image_url: z.object({ url: z.string().min(1), detail: DetailField }),
});
const AudioPart = z.object({
  type: z.literal('input_audio'),
  input_audio: z.object({
    data: z.string().min(1).describe('base64'),
    format: z
      .string()
      .regex(/^[a-z0-9]{1,8}$/)
      .default('wav'),
  }),
});
const VideoPart = z.object({
  type: z.literal('video_url'),
  video_url: z.object({
    url: z.string().min(1),
    fps: z.number().positive().optional(),
    num_frames: z.number().int().positive().optional(),
  }),
});
const FilePart = z.object({
  type: z.literal('file'),
  file: z.object({
    file_data: z.string().min(1).optional().describe('data URL or base64'),
    file_id: z.string().min(1).optional().describe('id of a medium or a file'),
    filename: z.string().optional(),
  }),
});
const RefusalPart = z.object({ type: z.literal('refusal'), refusal: z.string() });

export const ContentPart = z.discriminatedUnion('type', [
  TextPart,
  ImagePart,
  AudioPart,
  VideoPart,
  FilePart,
  RefusalPart,
]);
export type ContentPart = z.output<typeof ContentPart>;

const Message = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: z.union([z.string(), z.array(ContentPart)]).nullish(),
  name: z.string().optional(),
});
export type Message = z.output<typeof Message>;

const ResponseFormat = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    json_schema: z.object({
      name: z.string().optional(),
      schema: z.record(z.string(), z.unknown()),
      strict: z.boolean().nullish(),
    }),
  }),
]);

export const ChatRequest = z.object({
  model: z.string().optional(),
  messages: z.array(Message).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().optional() }).nullish(),
  max_tokens: z.number().int().min(1).max(8192).nullish(),
  max_completion_tokens: z.number().int().min(1).max(8192).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  seed: z.number().int().nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(16)]).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  logit_bias: z.record(z.string(), z.number().min(-100).max(100)).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.number().int().min(0).max(20).nullish(),
  n: z.number().int().min(1).max(4).nullish(),
  response_format: ResponseFormat.nullish(),
  selected_tokens: z
    .number()
    .int()
    .min(64)
    .max(65536)
    .optional()
    .describe('Attention budget in tokens (an extension).'),
});
export type ChatRequest = z.output<typeof ChatRequest>;
