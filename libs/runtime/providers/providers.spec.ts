import { describe, expect, it } from 'vitest';
import { parseAbilities, readCpu } from './cpu.js';
import { planProviders } from './plan.js';
import { choosePrecision } from './precision.js';
import { probeProviders } from './probe.js';

describe('planProviders', () => {
  it('falls back to the CPU and says what is missing', () => {
    expect(planProviders([], ['cpu'])).toEqual({ providers: ['cpu'], warnings: [] });
    expect(planProviders(['CUDA', 'coreml'], ['cpu', 'cuda'])).toEqual({
      providers: ['cuda', 'cpu'],
      warnings: ['execution provider "coreml" is not in this build of onnxruntime (it has cpu, cuda)'],
    });
    expect(planProviders(['cpu', 'cuda'], ['cpu', 'cuda']).providers).toEqual(['cpu']);
  });
});

describe('probeProviders', () => {
  it('tries what is configured', async () => {
    expect(await probeProviders([])).toMatchObject({ used: 'cpu', warnings: [] });
    const { used, warnings, available } = await probeProviders(['cann']);
    expect(used).toBe('cpu');
    expect(warnings).toHaveLength(1);
    expect(available).toContain('cpu');
  });
});

describe('the processor', () => {
  it('is read from /proc/cpuinfo', () => {
    const x86 = 'processor\t: 0\nflags\t\t: fpu avx2 avx512f avx512_vnni amx_int8 hypervisor\nbugs\t\t: x\n';
    expect(parseAbilities(x86)).toEqual(['AVX2', 'AVX-512', 'AVX-512 VNNI', 'AMX int8']);
    expect(parseAbilities('Features\t: fp asimd asimddp i8mm bf16\n')).toEqual([
      'dot product',
      'int8 matrix product',
      'bf16',
    ]);
    expect(parseAbilities('')).toBeUndefined();
  });

  it('is known by name and cores', async () => {
    const cpu = await readCpu();
    expect(cpu.cores).toBeGreaterThan(0);
    expect(cpu.model).not.toBe('');
  });

  it('decides how the decoder is kept', () => {
    expect(choosePrecision({ abilities: ['AVX2', 'AVX-VNNI'] }).manyRows).toBe('columns');
    expect(choosePrecision({ abilities: ['dot product'] })).toMatchObject({ manyRows: 'columns', exactBytes: true });
    expect(choosePrecision({ abilities: ['AVX2', 'AVX-512'] })).toEqual({
      precision: 'int8',
      manyRows: 'blocks',
      exactBytes: false,
      reason: expect.stringContaining('saturate'),
    });
    expect(choosePrecision({ abilities: undefined }).manyRows).toBe('blocks');
  });
});
