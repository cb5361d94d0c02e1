import { openAddon } from './addon.js';

interface MallocAddon {
  setThresholds(mapBytes: number, trimBytes: number): boolean;
}

const MAP_BYTES = 2 ** 20;
const TRIM_BYTES = 2 ** 25;
/** By these an operator sets malloc. */
const BY_ENVIRONMENT = ['MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_', 'MALLOC_TOP_PAD_', 'MALLOC_MMAP_MAX_'];

let settled: boolean | undefined;

/**
 * Has malloc map what is larger than a megabyte by itself, so that it is the system's again once it is free. glibc raises that threshold
 * to as much as 32 MB by what is freed, and what models read while they load then leaves holes of hundreds of megabytes. For the whole
 * process; once is enough, before models are loaded. Resolves to nothing where the operator has set malloc, or where it is not glibc's.
 * @returns whether it was told
 */
export function settleMalloc(env: NodeJS.ProcessEnv = process.env): boolean {
  settled ??= !BY_ENVIRONMENT.some((name) => env[name] !== undefined) && tell();
  return settled;
}

const tell = (): boolean => openAddon<MallocAddon>('malloc').addon?.setThresholds(MAP_BYTES, TRIM_BYTES) ?? false;
