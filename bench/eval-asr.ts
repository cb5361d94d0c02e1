import { readFile } from 'node:fs/promises';
import { createSpeechRecognizer, Vocabulary } from '#encoders/speech';
import { evalArguments } from './arguments.js';
import { falseText } from './false-text.js';
import { normaliseEnglish } from './metrics/english-normaliser.js';
import { wordErrorRate } from './metrics/word-errors.js';
import { openMoonshinePeer } from './moonshine-peer.js';
import { report, type Row } from './report.js';
import { inSeconds, joined, speechPack, speechSet } from './speech-data.js';
import { jointErrors } from './word-boundaries.js';

/** Pause between joined sentences, in samples. */
const PAUSE = 12_000;
/** Silence before and after each sentence. */
const SILENCE = 160_000;

/**
 * Word error rates with Whisper's English normaliser, of this pipeline and of @huggingface/transformers with the same
 * files on the same sentences, alone and between silences; word times at joints of known place; text on sounds without
 * speech, alone and between spoken sentences.
 */
export async function run(args: string[]): Promise<void> {
  const { data, limit } = evalArguments(args);
  const { pack, graphs, threads } = await speechPack();
  const sentences = await speechSet(data, limit);
  const vocabulary = Vocabulary.parse(await readFile(pack.path(pack.manifest.speech!.tokenizer), 'utf8'));
  const recognizer = await createSpeechRecognizer({ pack, graphs, threads });
  const peer = await openMoonshinePeer(pack, threads);
  try {
    const single: { reference: string; hypothesis: string }[] = [];
    const theirs: { reference: string; hypothesis: string }[] = [];
    const between: { reference: string; hypothesis: string }[] = [];
    const silence = new Float32Array(SILENCE);
    for (const { text, samples } of sentences) {
      single.push({ reference: text, hypothesis: (await recognizer.transcribe(inSeconds(samples))).text });
      theirs.push({ reference: text, hypothesis: vocabulary.decode(await peer.transcribe(samples)) });
      const padded = inSeconds(joined([silence, samples, silence]));
      between.push({ reference: text, hypothesis: (await recognizer.transcribe(padded)).text });
    }
    const whole = joined(sentences.flatMap(({ samples }) => [samples, new Float32Array(PAUSE)]));
    const long = await recognizer.transcribe(inSeconds(whole));
    const reference = sentences.map(({ text }) => text).join(' ');
    const percent = (pairs: typeof single) => 100 * wordErrorRate(pairs, normaliseEnglish);
    const rows: Row[] = [
      { what: 'tessera, one sentence a file', sentences: sentences.length, 'WER %': percent(single) },
      {
        what: `@huggingface/transformers ${peer.version}, the same`,
        sentences: sentences.length,
        'WER %': percent(theirs),
      },
      {
        what: 'tessera, each between 10 s of silence',
        sentences: sentences.length,
        'WER %': percent(between),
      },
      {
        what: 'tessera, all in one file',
        sentences: sentences.length,
        'WER %': percent([{ reference, hypothesis: long.text }]),
      },
    ];
    report('asr', rows, { normaliser: 'Whisper English' });
    report('asr: word times at joints', [await jointErrors(recognizer, sentences)]);
    report('asr: text on sounds without speech', await falseText(recognizer));
  } finally {
    await recognizer.dispose();
    await peer.dispose();
  }
}
