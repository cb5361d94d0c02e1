import { TesseraError } from '#contracts';
import { note, paint } from '../output/print.js';

type Measurement = { run(args: string[]): Promise<void> };

/** Every bench and evaluation by name. */
const MEASUREMENTS = {
  bench: {
    decoder: () => import('../../../bench/decoder.js'),
    queue: () => import('../../../bench/queue.js'),
    soak: () => import('../../../bench/soak.js'),
    asr: () => import('../../../bench/asr.js'),
    'asr-long': () => import('../../../bench/asr-long.js'),
    describe: () => import('../../../bench/describe.js'),
    video: () => import('../../../bench/video.js'),
  },
  eval: {
    captions: () => import('../../../bench/eval/captions.js'),
    'yes-no': () => import('../../../bench/eval/yes-no.js'),
    vqa: () => import('../../../bench/eval/vqa.js'),
    mosaic: () => import('../../../bench/eval/mosaic.js'),
    long: () => import('../../../bench/eval/long.js'),
    perplexity: () => import('../../../bench/eval/perplexity.js'),
    asr: () => import('../../../bench/eval-asr.js'),
  },
} satisfies Record<string, Record<string, () => Promise<Measurement>>>;

export async function measure(kind: keyof typeof MEASUREMENTS, name: string, args: string[]): Promise<number> {
  const known: Record<string, () => Promise<Measurement>> = MEASUREMENTS[kind];
  const load = known[name];
  if (!load)
    throw new TesseraError(
      'invalid_request',
      `There is no ${kind} "${name}". There are: ${Object.keys(known).join(', ')}.`,
    );
  const { run } = await load();
  try {
    await run(args);
    return 0;
  } catch (error) {
    const wrong = wrongOption(error);
    if (!wrong) throw error;
    note(`${paint('red', 'error', process.stderr)} ${wrong}. bench/README.md says what "${kind} ${name}" takes.`);
    return 2;
  }
}

/** What `parseArgs` says about an option that is not known, or that lacks its value; undefined: another error. */
function wrongOption(error: unknown): string | undefined {
  const known = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
  return known ? error.message.split('. ')[0] : undefined;
}
