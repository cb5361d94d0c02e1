import { openAsBlob } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { evalArguments } from './arguments.js';
import { longRecording } from './long-recording.js';
import { quantile } from './quantile.js';
import { report } from './report.js';
import { startServer, type BenchServer } from './server.js';
import { speechSet } from './speech-data.js';

const HOURS = 1;
/** Servers that are started to hear the beginning of a file, one after another; the last goes on. */
const STARTS = 3;
const EVERY_MS = 250;
/** What the cancelled request had begun runs to its end. */
const SETTLE_MS = 5_000;
const MEGABYTE = 1e6;

/**
 * A recording of hours (`--hours`, 1 unless told) through the HTTP server of a process of its own: the time from the
 * request (before its first byte is sent) to the first server-sent segment, with the models still to be loaded (best and
 * median of three processes) and with them loaded; the real-time factor; and how much the server's memory grows beyond that of a short request, all of
 * it and what is not pages of files (models, libraries), which the system takes back when it wants.
 */
export async function run(args: string[]): Promise<void> {
  const { data, limit, rest } = evalArguments(args, { hours: { type: 'string' } });
  const seconds = 3600 * Number(rest['hours'] ?? HOURS);
  const sentences = await speechSet(data, limit);
  // Another order of sentences is another file, of which nothing is known when the second request comes.
  const cold = await longRecording(sentences.toReversed(), seconds);
  const long = await longRecording(sentences, seconds);
  const starts: number[] = [];
  const startCold = async (): Promise<BenchServer> => {
    const started = await startServer();
    starts.push((await transcribe(started, cold.file, { firstOnly: true })).firstSegment);
    return started;
  };
  for (let n = 1; n < STARTS; n++) await (await startCold()).stop();
  const server = await startCold();
  try {
    await sleep(SETTLE_MS);
    const resident = async (): Promise<Memory> => ({
      all: (await server.residentBytes()) ?? NaN,
      anonymous: (await server.residentBytes('RssAnon')) ?? NaN,
    });
    const before = await resident();
    const peak = { ...before };
    const watch = setInterval(
      () =>
        void resident().then(({ all, anonymous }) => {
          peak.all = Math.max(peak.all, all);
          peak.anonymous = Math.max(peak.anonymous, anonymous);
        }),
      EVERY_MS,
    );
    const whole = await transcribe(server, long.file).finally(() => clearInterval(watch));
    report('asr-long', [
      {
        hours: seconds / 3600,
        'first segment s, models not loaded, best': Math.min(...starts),
        median: quantile(starts, 0.5),
        'first segment s': whole.firstSegment,
        RTFx: seconds / whole.total,
        segments: whole.segments,
        'memory MB before': before.all / MEGABYTE,
        'memory MB at its peak': peak.all / MEGABYTE,
        'growth MB': (peak.all - before.all) / MEGABYTE,
        'without files MB': (peak.anonymous - before.anonymous) / MEGABYTE,
      },
    ]);
  } finally {
    await server.stop();
    await Promise.all([cold.dispose(), long.dispose()]);
  }
}

/** Bytes. */
interface Memory {
  all: number;
  /** Without pages of files. */
  anonymous: number;
}

interface Timing {
  /** Seconds from the request. */
  firstSegment: number;
  total: number;
  segments: number;
}

/** Leaves after the first segment when told, which cancels the job. */
async function transcribe({ url }: BenchServer, file: string, { firstOnly = false } = {}): Promise<Timing> {
  const leave = new AbortController();
  const started = performance.now();
  const since = (): number => (performance.now() - started) / 1000;
  const form = new FormData();
  form.append('file', await openAsBlob(file), 'long.mp3');
  form.append('stream', 'true');
  const response = await fetch(`${url}/v1/audio/transcriptions`, {
    method: 'POST',
    body: form,
    signal: leave.signal,
  });
  if (!response.ok || !response.body) throw new Error(`The server says ${response.status}: ${await response.text()}`);
  let firstSegment = NaN;
  let segments = 0;
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    segments += chunk.split('"transcript.text.delta"').length - 1;
    if (segments > 0 && Number.isNaN(firstSegment)) firstSegment = since();
    if (segments > 0 && firstOnly) break;
    if (chunk.includes('"error"')) throw new Error(`The server says ${chunk}`);
  }
  leave.abort();
  return { firstSegment, total: since(), segments };
}
