import {
  formatTranscript,
  type Replacement,
  type Transcript,
  type TranscribeResult,
  type TranscriptFormat,
} from '#contracts';
import { transcribeTree } from '#jobs';
import type { Tessera } from '#pipeline';
import { sourceOf } from '../inputs.js';
import { inOrder } from '../in-order.js';
import { follow } from '../output/follow.js';
import { failedInput, note, out, outJson } from '../output/print.js';
import { Progress } from '../output/progress.js';

export interface TranscribeOptions {
  json?: boolean;
  format: TranscriptFormat;
  words?: boolean;
  channels?: 'mix' | 'separate';
  track?: number;
  language?: string;
  prompt?: string;
  translate?: boolean;
  hotwords?: string;
  replace?: Replacement[];
}

interface Transcribed {
  transcript: Transcript;
  total_ms: number;
}

/** Transcribes every input; results come in the order of the inputs. Resolves to the exit status. */
export async function transcribe(tessera: Tessera, inputs: string[], options: TranscribeOptions): Promise<number> {
  const json = options.json ?? false;
  const progress = new Progress();
  let status = 0;
  for await (const { item: input, value, error } of inOrder(inputs, 2, (each) =>
    transcribeOne(tessera, each, options, progress),
  )) {
    progress.clear();
    if (value === undefined) {
      failedInput(input, error, json);
      status = 1;
    } else if (json) outJson(wireTranscript(input, value));
    else {
      if (inputs.length > 1) note(`${input}:`);
      out(formatTranscript(value.transcript, options.format, options.translate ? 'translate' : 'transcribe'));
      for (const warning of value.transcript.warnings) note(`warning ${input}: ${warning}`);
    }
  }
  progress.clear();
  return status;
}

async function transcribeOne(
  tessera: Tessera,
  input: string,
  options: TranscribeOptions,
  progress: Progress,
): Promise<Transcribed> {
  const started = performance.now();
  const source = await sourceOf(input);
  const { channels, track, language, prompt, replace: replacements } = options;
  const task = options.translate ? 'translate' : 'transcribe';
  const hotwords = options.hotwords?.split(',').map((word) => word.trim());
  const words = options.words === true || options.format === 'verbose_json';
  const id = await tessera.jobs.submit(
    transcribeTree(source, { channels, track, language, prompt, words, task, hotwords, replacements }),
  );
  const { transcript } = await follow(tessera, id, input, progress, () => tessera.jobs.result<'media.hear'>(id));
  return { transcript, total_ms: Math.round(performance.now() - started) };
}

function wireTranscript(input: string, { transcript, total_ms }: Transcribed): TranscribeResult {
  const { text, language, duration, segments, warnings } = transcript;
  return {
    input,
    text,
    language,
    duration: Math.round(duration * 1000) / 1000,
    segments: segments.map(({ start, end, text: said, channel, words }) => ({
      start,
      end,
      text: said,
      ...(channel === undefined ? {} : { channel }),
      ...(words ? { words } : {}),
    })),
    timings: { total_ms, rtfx: duration / (total_ms / 1000) },
    ...(warnings.length > 0 ? { warnings } : {}),
  };
}
