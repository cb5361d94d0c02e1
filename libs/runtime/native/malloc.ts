import { openAddon } from './addon.js';

interface MallocAddon {
  setThresholds(mapBytes: number, trimBytes: number): boolean;
}

const MAP_BYTES = 2 ** 20;
const TRIM_BYTES = 2 ** 25;

/**
 * Has malloc map what is larger than a megabyte by itself, so that it is the system's again once it is free. glibc raises that threshold
 * to as much as 32 MB by what is freed, and what models read while they load then leaves holes of hundreds of megabytes
 * (docs/decisions/0049). For the whole process, before models are loaded.
 * @param config `mallocIsSet`: the operator has the last word
 * @returns whether it was told: where it is glibc's, and this was compiled
 */
export function settleMalloc({ mallocIsSet }: { mallocIsSet: boolean }): boolean {
  if (mallocIsSet) return false;
  return openAddon<MallocAddon>('malloc').addon?.setThresholds(MAP_BYTES, TRIM_BYTES) ?? false;
}
