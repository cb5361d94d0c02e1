import { mkdtemp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InstalledPack } from '#contracts';
import { importPeer } from './peers.js';

/** The same Moonshine files under @huggingface/transformers. */
export interface MoonshinePeer {
  version: string;
  /** Token ids of one stretch of mono float32 PCM at 16 kHz. */
  transcribe(samples: Float32Array): Promise<number[]>;
  dispose(): Promise<void>;
}

interface Model {
  generate(input: object): Promise<{ tolist(): (number | bigint)[][] }>;
  dispose(): Promise<unknown>;
}

interface Transformers {
  env: { version: string; allowRemoteModels: boolean; localModelPath: string };
  Tensor: new (type: string, data: Float32Array, dims: number[]) => unknown;
  MoonshineForConditionalGeneration: { from_pretrained(name: string, options: object): Promise<Model> };
}

const CONFIG = {
  model_type: 'moonshine',
  architectures: ['MoonshineForConditionalGeneration'],
  is_encoder_decoder: true,
  hidden_size: 288,
  intermediate_size: 1152,
  encoder_num_hidden_layers: 6,
  decoder_num_hidden_layers: 6,
  encoder_num_attention_heads: 8,
  decoder_num_attention_heads: 8,
  encoder_num_key_value_heads: 8,
  decoder_num_key_value_heads: 8,
  max_position_embeddings: 194,
  vocab_size: 32_768,
  bos_token_id: 1,
  eos_token_id: 2,
  decoder_start_token_id: 1,
};

/** @throws TesseraError tool_missing when the peers are not installed */
export async function openMoonshinePeer(pack: InstalledPack, threads: number): Promise<MoonshinePeer> {
  const peer = await importPeer<Transformers>('@huggingface/transformers/dist/transformers.node.mjs');
  const folder = await mkdtemp(join(tmpdir(), 'tessera-peer-'));
  const model = join(folder, 'moonshine');
  await mkdir(join(model, 'onnx'), { recursive: true });
  await writeFile(join(model, 'config.json'), JSON.stringify(CONFIG));
  await writeFile(
    join(model, 'generation_config.json'),
    JSON.stringify({ bos_token_id: 1, eos_token_id: 2, decoder_start_token_id: 1 }),
  );
  const { speech } = pack.manifest;
  await symlink(pack.path(speech!.encoder), join(model, 'onnx/encoder_model_quantized.onnx'));
  await symlink(pack.path(speech!.decoder), join(model, 'onnx/decoder_model_merged_quantized.onnx'));
  peer.env.allowRemoteModels = false;
  peer.env.localModelPath = folder;
  const session_options = { intraOpNumThreads: threads, interOpNumThreads: 1 };
  const moonshine = await peer.MoonshineForConditionalGeneration.from_pretrained('moonshine', {
    dtype: 'q8',
    session_options,
  });
  return {
    version: peer.env.version,
    async transcribe(samples) {
      const input_values = new peer.Tensor('float32', samples, [1, samples.length]);
      // The limit that its own pipeline for Moonshine sets.
      const max_new_tokens = Math.max(1, Math.floor(samples.length / 16_000)) * 6;
      const [ids] = (await moonshine.generate({ input_values, max_new_tokens })).tolist();
      return ids!.map(Number).filter((id) => id > 2);
    },
    async dispose() {
      await moonshine.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
