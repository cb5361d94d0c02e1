import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { askTree } from '#jobs';
import { openTessera } from '#pipeline';
import { loadConfig, renderMetrics } from '#platform';
import { ROOT } from '../support/cli.js';

const valueOf = (text: string, series: string): number =>
  Number(new RegExp(`^${series.replace(/[{}"]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);

test('the work of a question is in the metrics: stages, sound, tokens, what was kept, and the decoder’s memory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-metrics-'));
  await chmod(folder, 0o711);
  const config = loadConfig({ ...process.env, TESSERA_DATA_DIR: folder });
  const tessera = await openTessera(config, { private: true });
  const film = { type: 'file' as const, path: join(ROOT, 'samples/talk.mp4'), name: 'talk.mp4' };
  const ask = async (question: string): Promise<string> => {
    await tessera.jobs.result(await tessera.jobs.submit(await askTree(question, [film])));
    return renderMetrics();
  };
  try {
    const first = await ask('What is said about tea?');
    for (const job of ['media.ingest', 'media.see', 'media.hear', 'media.compose', 'answer'])
      expect([job, valueOf(first, `tessera_job_seconds_count{job="${job}",end="completed"}`)]).toEqual([
        job,
        expect.toSatisfy((count: number) => count >= 1),
      ]);
    expect(valueOf(first, 'tessera_speech_rtfx_count')).toBe(1);
    expect(valueOf(first, 'tessera_speech_sound_seconds_total')).toBeGreaterThan(20);
    expect(valueOf(first, 'tessera_artifact_reads_total{outcome="miss"}')).toBeGreaterThan(2);
    expect(valueOf(first, 'tessera_decoder_tokens_total{kind="completion"}')).toBeGreaterThan(0);
    expect(valueOf(first, 'tessera_decoder_seconds_total{phase="decode"}')).toBeGreaterThan(0);
    expect(valueOf(first, 'tessera_decoder_kv_bytes')).toBeGreaterThan(1e6);
    expect(valueOf(first, 'tessera_decoder_pages{state="kept"}')).toBeGreaterThan(0);
    const second = await ask('What is said about coffee?');
    for (const series of ['tessera_decoder_tokens_total{kind="cached"}', 'tessera_artifact_reads_total{outcome="hit"}'])
      expect([series, valueOf(second, series) > (valueOf(first, series) || 0)]).toEqual([series, true]);
    expect(valueOf(second, 'tessera_speech_rtfx_count')).toBe(1);
  } finally {
    await tessera.close();
    await rm(folder, { recursive: true, force: true });
  }
  // Whoever is gone is not asked any more.
  expect(await renderMetrics()).toContain('tessera_decoder_kv_bytes');
}, 120_000);
