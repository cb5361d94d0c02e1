import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PackManifest, TesseraError } from '#contracts';
import { parseSource } from '../sources/source.js';

/** A manifest and the folder that its `file:` sources are relative to. */
export interface FoundPack {
  manifest: PackManifest;
  folder: string;
}

/**
 * Every pack on this machine: those of the project (`packs/*`/pack.json), then the user's own (`<dataDir>/packs/*`).
 * A user's pack wins over one of the project with the same name.
 * @throws TesseraError `configuration` that names every fault of a bad manifest
 */
export async function listPacks({ dataDir }: { dataDir?: string } = {}): Promise<FoundPack[]> {
  const roots = [join(projectRoot(), 'packs'), ...(dataDir === undefined ? [] : [join(dataDir, 'packs')])];
  const found = (await Promise.all(roots.map(readPacks))).flat();
  return [...new Map(found.map((pack) => [pack.manifest.name, pack])).values()];
}

/** @throws TesseraError `model_not_found` that names the packs there are */
export async function findPack(name: string, where: { dataDir?: string } = {}): Promise<FoundPack> {
  const packs = await listPacks(where);
  const pack = packs.find(({ manifest }) => manifest.name === name);
  if (pack) return pack;
  const names = packs.map(({ manifest }) => manifest.name).join(', ') || 'none';
  throw new TesseraError('model_not_found', `There is no model pack "${name}". Installed manifests: ${names}.`, {
    param: 'model',
  });
}

async function readPacks(root: string): Promise<FoundPack[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  const files = entries
    .filter((entry) => !entry.isFile())
    .map((entry) => join(root, entry.name, 'pack.json'))
    .filter((file) => existsSync(file))
    .sort();
  return Promise.all(
    files.map(async (file) => ({ manifest: parseManifest(await readFile(file, 'utf8'), file), folder: dirname(file) })),
  );
}

/** Checks the form of a manifest, its sources, and that every part it names is one of its files. */
export function parseManifest(text: string, file: string): PackManifest {
  const faults: string[] = [];
  const { data, error } = PackManifest.safeParse(parseJson(text, file));
  faults.push(...(error?.issues ?? []).map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  if (data) {
    const names = new Set(data.files.map(({ name }) => name));
    if (names.size < data.files.length) faults.push('files: two of them have the same name');
    for (const [part, name] of partsOf(data))
      if (!names.has(name)) faults.push(`${part}: "${name}" is not among the files`);
    for (const source of data.files.flatMap(({ sources }) => sources)) faults.push(...faultsOfSource(source));
  }
  if (!data || faults.length > 0)
    throw new TesseraError('configuration', `${file} has faults:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  return data;
}

function partsOf({ decoder, vision, speech, vad }: PackManifest): [part: string, file: string][] {
  const { base, adapter, calibration, prompts } = decoder;
  const { encoder, connector } = vision ?? {};
  const named = {
    ...prefixed('decoder', { base, adapter, calibration, prompts }),
    ...prefixed('vision', { encoder, connector }),
    ...prefixed('speech', speech && speechFiles(speech)),
    ...prefixed('vad', { model: vad?.model }),
  };
  return Object.entries(named).filter((entry): entry is [string, string] => entry[1] !== undefined);
}

const speechFiles = ({ encoder, decoder, decoderWithPast, tokenizer, generation }: Speech) => ({
  encoder,
  decoder,
  decoderWithPast,
  tokenizer,
  generation,
});
type Speech = NonNullable<PackManifest['speech']>;

const prefixed = (part: string, names: Record<string, string | undefined> = {}) =>
  Object.fromEntries(Object.entries(names).map(([key, name]) => [`${part}.${key}`, name]));

function faultsOfSource(source: string): string[] {
  try {
    parseSource(source);
    return [];
  } catch (error) {
    return [TesseraError.from(error).message];
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TesseraError('configuration', `${file} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

/** The nearest folder above this module with a package.json: the checkout, from source as from dist. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
