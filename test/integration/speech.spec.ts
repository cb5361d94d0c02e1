import { copyFileSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Utterance } from '#contracts';
import { createSpeechRecognizer, Vocabulary, type SpeechRecognizer } from '#encoders/speech';
import { decodeAudio } from '#media';
import { openSession, tensor, type Feeds } from '#runtime';
import { Moonshine, TAIL } from '../../encoders/speech/moonshine/moonshine.js';
import { ffmpeg, mediaFolder, say, sox } from '../support/media.js';
import { MOONSHINE_FILES as FILES, moonshinePack as pack } from '../support/speech-pack.js';

const FIRST = 'Her name is Molly, and she sleeps in the garden all day.';
const SECOND = 'Please open the window, because the room is very warm.';
const folder = mediaFolder('speech');
const at = folder.file;
let recognizer: SpeechRecognizer;

beforeAll(async () => {
  recognizer = await createSpeechRecognizer({ pack, graphs: at('graphs'), threads: 2 });
  say(FIRST, at('first.wav'), '-v', 'en-us', '-s', '140');
  say(SECOND, at('second.wav'), '-v', 'en-us', '-s', '140');
  for (const name of ['first', 'second']) sox(at(`${name}.wav`), '-r', '16000', at(`${name}16.wav`), 'vol', '0.8');
  copyFileSync(new URL('../../samples/speech.flac', import.meta.url), at('sample.flac'));
  sox('-n', '-r', '16000', '-c', '1', at('gap.wav'), 'trim', '0', '3');
  sox(at('gap.wav'), at('first16.wav'), at('gap.wav'), at('second16.wav'), at('gap.wav'), at('both.wav'));
});

afterAll(async () => {
  await recognizer.dispose();
  folder.dispose();
});

const hear = (name: string, options = {}, decode = {}) => recognizer.transcribe(decodeAudio(at(name), decode), options);
const words = (text: string) => text.toLowerCase().match(/[a-z']+/g) ?? [];
const share = (said: string, heard: string) => {
  const found = new Set(words(heard));
  return words(said).filter((word) => found.has(word)).length / words(said).length;
};

async function samplesOf(name: string): Promise<Float32Array> {
  const all: number[] = [];
  for await (const piece of decodeAudio(at(name))) all.push(...piece);
  return Float32Array.from(all);
}

/** The exported files as they come, one token at a time. */
async function original(samples: Float32Array): Promise<number[]> {
  const encoder = await openSession({ file: FILES.encoder, name: 'original encoder' });
  const decoder = await openSession({ file: FILES.decoder, name: 'original decoder' });
  const { last_hidden_state } = await encoder.run({ input_values: tensor('float32', [1, samples.length], samples) });
  const parts = (half: string) => [0, 1, 2, 3, 4, 5].flatMap((i) => [`${i}.${half}.key`, `${i}.${half}.value`]);
  const past: Feeds = {};
  for (const part of [...parts('decoder'), ...parts('encoder')])
    past[`past_key_values.${part}`] = tensor('float32', [0, 8, 1, 36], new Float32Array(0));
  const tokens: number[] = [];
  for (let id = 1, step = 0; step < 60; step++) {
    const result = await decoder.run({
      ...past,
      input_ids: tensor('int64', [1, 1], BigInt64Array.of(BigInt(id))),
      encoder_hidden_states: last_hidden_state!,
      use_cache_branch: tensor('bool', [1], Uint8Array.of(step > 0 ? 1 : 0)),
    });
    const logits = result.logits!.data as Float32Array;
    id = logits.indexOf(logits.reduce((a, b) => Math.max(a, b)));
    if (id === 2) break;
    tokens.push(id);
    for (const part of [...parts('decoder'), ...(step === 0 ? parts('encoder') : [])])
      past[`past_key_values.${part}`] = result[`present.${part}`]!;
  }
  await Promise.all([encoder.dispose(), decoder.dispose()]);
  return tokens;
}

describe('Moonshine', () => {
  it('says what the exported files say, alone and in a batch of different lengths', async () => {
    const sample = await samplesOf('sample.flac');
    const utterances = [sample.slice(5_000, 82_000), sample.slice(82_000, 200_000)];
    const vocabulary = Vocabulary.parse(readFileSync(FILES.tokenizer, 'utf8'));
    const model = await Moonshine.open({
      encoder: FILES.encoder,
      decoder: FILES.decoder,
      graphs: at('graphs'),
      threads: 1,
    });
    const together = await model.recognise({ utterances, hotwords: [], times: 'none' });
    for (const [i, samples] of utterances.entries()) {
      const withTail = new Float32Array(samples.length + TAIL);
      withTail.set(samples);
      const expected = vocabulary.decode(await original(withTail));
      const [alone] = await model.recognise({ utterances: [samples], hotwords: [], times: 'none' });
      // Eight-bit activations round differently in another order of operations: all but a word or so agree.
      expect(share(expected, vocabulary.decode(alone!.tokens))).toBeGreaterThanOrEqual(0.8);
      expect(share(expected, vocabulary.decode(together[i]!.tokens))).toBeGreaterThanOrEqual(0.8);
    }
    await model.dispose();
  });
});

describe('SpeechRecognizer', () => {
  it('writes what was said, with times, and nothing for the silence around', async () => {
    const told: Utterance[] = [];
    const { segments, text, duration, language } = await hear('both.wav', {
      onSegment: (one: Utterance) => told.push(one),
    });
    expect(share(`${FIRST} ${SECOND}`, text)).toBeGreaterThan(0.6);
    expect(language).toBe('en');
    expect(told).toEqual(segments);
    expect(segments[0]!.start).toBeGreaterThan(2.4);
    expect(segments[0]!.start).toBeLessThan(3.3);
    expect(segments.at(-1)!.end).toBeLessThan(duration - 2.4);
    const second = segments.find((segment) => share(SECOND, segment.text) > 0.5);
    expect(second!.start).toBeGreaterThan(7);
  });

  it('gives times of words: in order, inside the segment, covering it', async () => {
    const { segments } = await hear('both.wav', { words: true });
    for (const { start, end, words = [], text } of segments) {
      expect(words.map(({ word }) => word).join(' ')).toBe(text);
      expect(words[0]!.start).toBe(start);
      expect(words.at(-1)!.end).toBe(end);
      words.forEach((word, i) => {
        expect(word.end).toBeGreaterThanOrEqual(word.start);
        if (i > 0) expect(word.start).toBe(words[i - 1]!.end);
      });
    }
  });

  it('puts the boundary of words where one clip ends and the next begins', async () => {
    const trim = ['silence', '1', '0.02', '1%', 'reverse', 'silence', '1', '0.02', '1%', 'reverse'];
    sox(at('first16.wav'), at('a.wav'), ...trim);
    sox(at('second16.wav'), at('b.wav'), ...trim);
    sox(at('a.wav'), at('b.wav'), at('joint.wav'));
    const joint = (await samplesOf('a.wav')).length / 16_000;
    const { segments } = await hear('joint.wav', { words: true });
    const starts = segments.flatMap(({ words = [] }) => words.map(({ start }) => start)).slice(1);
    expect(Math.min(...starts.map((start) => Math.abs(start - joint)))).toBeLessThan(0.2);
  });

  it.each([
    ['silence', ['trim', '0', '8']],
    ['white noise', ['synth', '8', 'whitenoise', 'vol', '0.4']],
    ['brown noise', ['synth', '8', 'brownnoise', 'vol', '0.6']],
    ['hum', ['synth', '8', 'sine', '50', 'vol', '0.5']],
    ['a sweep', ['synth', '8', 'sine', '300-3300', 'vol', '0.5']],
    ['a chord', ['synth', '2', 'pluck', 'C4', 'pluck', 'E4', 'pluck', 'G4', 'repeat', '3']],
  ])('writes nothing for %s, also after speech', async (_, effects) => {
    sox('-R', '-n', '-r', '16000', '-c', '1', at('wordless.wav'), ...effects);
    expect(await hear('wordless.wav')).toMatchObject({ text: '', segments: [], warnings: [] });
  });

  it('hears very quiet and clipped speech as it hears the loud', async () => {
    const { text } = await hear('first16.wav');
    sox(at('first16.wav'), at('quiet.wav'), 'vol', '0.004');
    sox(at('first16.wav'), at('clipped.wav'), 'vol', '4');
    expect(share(text, (await hear('quiet.wav')).text)).toBeGreaterThan(0.7);
    expect(share(text, (await hear('clipped.wav')).text)).toBeGreaterThan(0.5);
  });

  it('hears each channel apart', async () => {
    const [left, right] = [await hear('first16.wav'), await hear('second16.wav')];
    sox('-M', at('first16.wav'), at('second16.wav'), at('call.wav'));
    expect(share(left.text, (await hear('call.wav', {}, { channel: 0 })).text)).toBeGreaterThan(0.7);
    expect(share(right.text, (await hear('call.wav', {}, { channel: 1 })).text)).toBeGreaterThan(0.7);
  });

  it('gives times of the file when it listens from a later start', async () => {
    const { segments } = await hear('both.wav', { start: 7 }, { start: 7 });
    expect(segments[0]!.start).toBeGreaterThan(7.5);
    expect(share(SECOND, segments.map(({ text }) => text).join(' '))).toBeGreaterThan(0.6);
  });

  it('takes clips of a twentieth of a second, and phone sound', async () => {
    sox(at('first16.wav'), at('tiny.wav'), 'trim', '0.3', '0.05');
    expect((await hear('tiny.wav')).duration).toBeCloseTo(0.05, 2);
    ffmpeg('-i', at('first16.wav'), '-c:a', 'pcm_mulaw', '-ar', '8000', at('phone.wav'));
    expect((await hear('phone.wav')).text).not.toBe('');
  });

  it('says when the speech is not English', async () => {
    say(
      'Heute scheint die Sonne und die Kinder spielen im Garten. Am Abend gehen wir gemeinsam in die Stadt, um ein Eis zu essen und Musik zu hören.',
      at('german.wav'),
      '-v',
      'de',
    );
    expect((await hear('german.wav')).warnings.join()).toMatch(/not seem to be English/);
  });

  it('refuses what the model cannot do', async () => {
    await expect(hear('first.wav', { language: 'de' })).rejects.toMatchObject({
      code: 'invalid_request',
      param: 'language',
    });
    await expect(hear('first.wav', { task: 'translate' })).rejects.toMatchObject({
      code: 'invalid_request',
      param: 'task',
    });
  });

  it('stops when told, and goes on with the next recording', async () => {
    await expect(hear('both.wav', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
    expect((await hear('first16.wav')).text).not.toBe('');
  });

  it('takes several recordings at once and keeps them apart', async () => {
    const [a, b] = await Promise.all([hear('first16.wav'), hear('second16.wav')]);
    expect(a.text).toBe((await hear('first16.wav')).text);
    expect(b.text).toBe((await hear('second16.wav')).text);
  });

  it('says which file is missing', async () => {
    const broken = { ...pack, path: (name: string) => (name === 'decoder' ? '/nowhere.onnx' : pack.path(name)) };
    await expect(createSpeechRecognizer({ pack: broken, graphs: at('graphs'), threads: 1 })).rejects.toBeDefined();
  });
});
