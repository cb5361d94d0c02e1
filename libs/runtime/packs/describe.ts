import { stat } from 'node:fs/promises';
import type { ModelFile, PackManifest } from '#contracts';
import { choosePrecision, type ChosenPrecision } from '../providers/precision.js';
import { readCpu, type Cpu } from '../providers/cpu.js';
import { probeProviders, type ProviderReport } from '../providers/probe.js';
import { ModelStore } from '../sources/model-store.js';
import { listPacks, type FoundPack } from './manifests.js';

export interface DescribedFile extends ModelFile {
  /** Where it lies; undefined when it has to be fetched. */
  path: string | undefined;
  /** Present with the right size; the content is `verifyPack`'s business. */
  present: boolean;
}

export interface DescribedPack {
  name: string;
  version: string;
  description: string;
  files: DescribedFile[];
  /** Bytes of all files, and of those that are missing. */
  bytes: number;
  missingBytes: number;
  /** Which model does what, and the execution provider it runs on. */
  parts: { part: string; model: string; provider: string }[];
}

export interface ModelsReport {
  packs: DescribedPack[];
  cpu: Cpu;
  providers: ProviderReport;
  /** How the decoder's matrices are kept on this machine. */
  decoder: ChosenPrecision;
}

export interface DescribeOptions {
  cacheDir: string;
  dataDir?: string;
  /** TESSERA_EXECUTION_PROVIDERS */
  executionProviders?: readonly string[];
}

/** What `tessera models list` shows. Reads no weights. */
export async function describeModels(options: DescribeOptions): Promise<ModelsReport> {
  const store = new ModelStore(options.cacheDir);
  const [cpu, providers, found] = await Promise.all([
    readCpu(),
    probeProviders(options.executionProviders ?? []),
    listPacks(options),
  ]);
  const packs = await Promise.all(found.map((pack) => describePack(pack, store, providers.used)));
  return { packs, cpu, providers, decoder: choosePrecision(cpu) };
}

async function describePack(
  { manifest, folder }: FoundPack,
  store: ModelStore,
  provider: string,
): Promise<DescribedPack> {
  const files = await Promise.all(
    manifest.files.map(async (file): Promise<DescribedFile> => {
      const path = store.locate(file, folder);
      const size = path === undefined ? undefined : (await stat(path)).size;
      return { ...file, path, present: size === file.bytes };
    }),
  );
  const sum = (some: DescribedFile[]) => some.reduce((total, { bytes }) => total + bytes, 0);
  const { name, version, description } = manifest;
  const missingBytes = sum(files.filter(({ present }) => !present));
  return { name, version, description, files, bytes: sum(files), missingBytes, parts: partsOf(manifest, provider) };
}

/** The small encoders stay on the CPU: a picture costs them less than the way to another chip. */
function partsOf({ decoder, vision, speech, vad }: PackManifest, provider: string): DescribedPack['parts'] {
  const parts = [
    { part: 'decoder', model: decoder.base, provider },
    { part: 'vision', model: vision?.encoder, provider: 'cpu' },
    { part: 'speech', model: speech?.encoder, provider: 'cpu' },
    { part: 'voice activity', model: vad?.model, provider: 'cpu' },
  ];
  return parts.filter((part): part is DescribedPack['parts'][number] => part.model !== undefined);
}
