import { join } from 'node:path';
import type { InstalledPack } from '#contracts';
import type { Decoder, LanguageModel } from '#decoder';
import type { SpeechRecognizer } from '#encoders/speech';
import type { VisionEncoder } from '#encoders/vision';
import type { TextRecognizer } from '#media';
import type { Config } from '#platform';
import { buildConnector, Tokenizer } from '#runtime';
import { readPrompts, type Prompts } from './prompts.js';

/** The pack's own decoder, in this process. */
export async function openDecoder(pack: InstalledPack, config: Config): Promise<Decoder> {
  const { createDecoder } = await import('#decoder');
  const { cacheDir, dataDir, decoder, runtime } = config;
  return createDecoder({
    pack,
    cacheDir,
    kvDir: join(dataDir, 'kv'),
    kvMemoryBytes: decoder.kvMemoryBytes,
    kvDiskBytes: decoder.kvDiskBytes,
    threads: runtime.threads,
    executionProviders: runtime.executionProviders,
  });
}

/**
 * The models of one pack, each loaded (code and weights) when it is first needed and once. A model that failed to load is tried again by
 * the next request.
 */
export class Models {
  private readonly loaded = new Map<string, Promise<unknown>>();
  private readonly owned: { dispose(): Promise<void> }[] = [];

  constructor(
    readonly pack: InstalledPack,
    private readonly config: Config,
  ) {}

  /** Who puts things into words: what it wrote is not what another one would have written. */
  get writer(): string {
    const { url, model = '' } = this.config.decoder;
    return url && /^https?:/.test(url) ? `${url} ${model}` : this.pack.id;
  }

  /** Visual tokens of one picture: rows × d. */
  get visualShape(): { rows: number; d: number } {
    return { rows: this.pack.manifest.vision?.tokens ?? 16, d: this.pack.manifest.decoder.embedding };
  }

  /** Whether the decoder of this pack reads a picture's quarters too. */
  get readsTiles(): boolean {
    return this.pack.manifest.vision?.tiles ?? false;
  }

  prompts(): Promise<Prompts> {
    return this.once('prompts', () => readPrompts(this.pack.path(this.pack.manifest.decoder.prompts)));
  }

  /** Counts the tokens of a user's text without loading the decoder; where it is in this process, with its tokenizer, which is 30 MB. */
  tokenCounter(): Promise<(text: string) => number> {
    return this.once('tokenizer', async () => {
      // One of another process would have to be asked for each line.
      const here = this.config.decoder.url === undefined;
      const loaded = here ? (this.loaded.get('decoder') as Promise<Decoder> | undefined) : undefined;
      const decoder = await loaded?.catch(() => undefined);
      if (decoder) return (text: string) => decoder.countTokens(text);
      const tokenizer = await Tokenizer.fromGguf(this.pack.path(this.pack.manifest.decoder.base));
      return (text: string) => tokenizer.encode(text).length;
    });
  }

  vision(): Promise<VisionEncoder> {
    return this.once('vision', async () => {
      const { createVisionEncoder } = await import('#encoders/vision');
      const adapter = this.pack.path(this.pack.manifest.vision?.connector ?? '');
      const connectorFile = await buildConnector(adapter, join(this.config.cacheDir, 'graphs'));
      return this.own(
        await createVisionEncoder({ pack: this.pack, connectorFile, threads: this.config.runtime.threads }),
      );
    });
  }

  speech(): Promise<SpeechRecognizer> {
    return this.once('speech', async () => {
      const { createSpeechRecognizer } = await import('#encoders/speech');
      const { cacheDir, runtime } = this.config;
      const graphs = join(cacheDir, 'graphs');
      return this.own(await createSpeechRecognizer({ pack: this.pack, graphs, threads: runtime.threads }));
    });
  }

  /** Reads text in pictures. Its own model is loaded by the first picture. */
  textRecognizer(): Promise<TextRecognizer> {
    return this.once('text', async () => {
      const { TextRecognizer } = await import('#media');
      return this.own(new TextRecognizer());
    });
  }

  /** The decoder of this process, or whoever TESSERA_DECODER_URL names. */
  decoder(): Promise<LanguageModel> {
    return this.once('decoder', async () => {
      const { url, key, model, timeoutMs } = this.config.decoder;
      if (url === undefined) return this.own(await openDecoder(this.pack, this.config));
      const { connectDecoder } = await import('#decoder');
      return this.own(await connectDecoder({ url, key, model, timeoutMs, pack: this.pack.id }));
    });
  }

  async dispose(): Promise<void> {
    await Promise.allSettled(this.loaded.values());
    await Promise.all(this.owned.splice(0).map((model) => model.dispose()));
  }

  private own<T extends { dispose(): Promise<void> }>(model: T): T {
    this.owned.push(model);
    return model;
  }

  private once<T>(name: string, load: () => Promise<T>): Promise<T> {
    const known = this.loaded.get(name) as Promise<T> | undefined;
    if (known) return known;
    const loading = load().catch((error: unknown) => {
      this.loaded.delete(name);
      throw error;
    });
    this.loaded.set(name, loading);
    return loading;
  }
}
