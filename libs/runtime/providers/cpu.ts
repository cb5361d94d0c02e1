import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';

/** What matters to neural networks, by the kernel's name for it. */
const ABILITIES: Readonly<Record<string, string>> = {
  avx2: 'AVX2',
  avx512f: 'AVX-512',
  avx_vnni: 'AVX-VNNI',
  avx512_vnni: 'AVX-512 VNNI',
  avx512_bf16: 'AVX-512 bf16',
  amx_int8: 'AMX int8',
  amx_bf16: 'AMX bf16',
  asimddp: 'dot product',
  i8mm: 'int8 matrix product',
  bf16: 'bf16',
  sve: 'SVE',
};

export interface Cpu {
  model: string;
  /** Cores that this process may use. */
  cores: number;
  /** Names from a fixed list such as "AVX-512 VNNI"; undefined where the system does not tell. */
  abilities: string[] | undefined;
}

export async function readCpu(): Promise<Cpu> {
  const model = cpus()[0]?.model.trim() || process.arch;
  return { model, cores: availableParallelism(), abilities: await readAbilities() };
}

async function readAbilities(): Promise<string[] | undefined> {
  // Every Apple processor with the arm64 architecture has it (ARMv8.4 and later).
  if (process.platform === 'darwin' && process.arch === 'arm64') return ['dot product'];
  if (process.platform !== 'linux') return undefined;
  return parseAbilities(await readFile('/proc/cpuinfo', 'utf8').catch(() => ''));
}

/** From Linux's /proc/cpuinfo: "flags" of x86, "Features" of Arm. */
export function parseAbilities(cpuinfo: string): string[] | undefined {
  const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo)?.[1]?.split(/\s+/);
  if (!flags) return undefined;
  return Object.entries(ABILITIES).flatMap(([flag, name]) => (flags.includes(flag) ? [name] : []));
}
