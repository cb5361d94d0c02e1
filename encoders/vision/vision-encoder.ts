import { TesseraError, type InstalledPack } from '#contracts';
import { traced } from '#platform';
import { release, SessionHost, tensor, type Feeds, type OnnxSession, type Tensor } from '#runtime';
import { toPixelValues } from './preprocess.js';

export interface VisionOptions {
  pack: InstalledPack;
  /** Built by `buildConnector`: `feature_map` [n, 1280, 8, 8], and `classes` [n, 1000] if it listens to them → `visual_tokens` [n, tokens, d]. */
  connectorFile: string;
  threads?: number;
  executionProviders?: readonly string[];
}

/**
 * Pictures in one run of the connector, whose weights are then read once for all of them. The encoder takes one at a
 * time: its activations then stay in the cache (13 ms a picture on one core; 18 to 27 ms in batches of 4 and 8).
 */
const BATCH = 16;

/** EfficientNet-Lite2 and the pack's connector, in one worker thread. */
export class VisionEncoder {
  constructor(
    private readonly host: SessionHost,
    private readonly encoder: OnnxSession,
    private readonly connector: OnnxSession,
    /** Width and height of the pictures it takes. */
    readonly size: number,
  ) {}

  /**
   * @param images packed RGB [size, size, 3]
   * @returns float32 [n, tokens, d], row-major
   * @throws TesseraError invalid_request for a picture of another size, cancelled
   */
  async encode(images: readonly Uint8Array[], { signal }: { signal?: AbortSignal } = {}): Promise<Float32Array> {
    return traced('vision.encode', { 'tessera.pictures': images.length }, async () => {
      const parts: Float32Array[] = [];
      for (let at = 0; at < images.length; at += BATCH)
        parts.push(await this.encodeBatch(images.slice(at, at + BATCH), signal));
      return concatenate(parts);
    });
  }

  /** What the encoder alone gives: `feature_map` [n, 1280, 8, 8] and, where it has a classifier, `classes` [n, 1000]. */
  async look(images: readonly Uint8Array[], { signal }: { signal?: AbortSignal } = {}): Promise<Feeds> {
    const seen: Record<string, Tensor>[] = [];
    for (const image of images) {
      const pixel_values = tensor('float32', [1, 3, this.size, this.size], toPixelValues([image], this.size));
      seen.push(await this.encoder.run({ pixel_values }, { transfer: true, signal }));
    }
    const together = ({ name }: { name: string }): [string, Tensor] => {
      const parts = seen.map((outputs) => outputs[name]!);
      const data = concatenate(parts.map((part) => part.data as Float32Array));
      return [name, tensor('float32', [images.length, ...parts[0]!.dims.slice(1)], data)];
    };
    return Object.fromEntries(this.encoder.outputs.map(together));
  }

  async dispose(): Promise<void> {
    await this.host.dispose();
  }

  private async encodeBatch(images: readonly Uint8Array[], signal: AbortSignal | undefined): Promise<Float32Array> {
    const seen = await this.look(images, { signal });
    const feeds = Object.fromEntries(this.connector.inputs.map(({ name }) => [name, seen[name]!]));
    const { visual_tokens } = await this.connector.run(feeds, { transfer: true, signal });
    return visual_tokens!.data as Float32Array;
  }
}

/** The parts are empty afterwards. */
function concatenate(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0]!;
  const all = new Float32Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  release(parts.map(({ buffer }) => buffer));
  return all;
}

/** @throws TesseraError model_missing when the pack has no vision encoder or its file is not there */
export async function createVisionEncoder(options: VisionOptions): Promise<VisionEncoder> {
  const { pack, connectorFile, threads = 2, executionProviders = [] } = options;
  const { vision } = pack.manifest;
  if (!vision) throw new TesseraError('model_missing', `The pack ${pack.manifest.name} has no vision encoder.`);
  const host = new SessionHost('vision encoder');
  try {
    const shared = { threads, executionProviders };
    const encoder = await host.load({ ...shared, name: 'vision encoder', file: pack.path(vision.encoder) });
    const connector = await host.load({ ...shared, name: 'vision connector', file: connectorFile });
    const missing = connector.inputs.find(({ name }) => !encoder.outputs.some((output) => output.name === name));
    if (missing)
      throw new TesseraError(
        'model_invalid',
        `The connector of ${pack.manifest.name} needs ${missing.name}, which its vision encoder ${vision.encoder} does not give.`,
      );
    return new VisionEncoder(host, encoder, connector, vision.size);
  } catch (error) {
    await host.dispose();
    throw error;
  }
}
