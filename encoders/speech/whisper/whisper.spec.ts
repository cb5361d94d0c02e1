import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { LogMel } from './log-mel.js';
import { WhisperVocabulary } from './vocabulary.js';
import { Whisper } from './whisper.js';

// Made by training/tessera_training/golden_whisper.py.
const tiny = (name: string) => fileURLToPath(new URL(`tiny/${name}`, import.meta.url));
const Case = z.object({
  sound: z.number(),
  seconds: z.number(),
  language: z.string().optional(),
  task: z.enum(['transcribe', 'translate']).optional(),
  prompt: z.string().optional(),
  heard: z.string(),
  tokens: z.array(z.number()),
  text: z.string(),
});
const golden = z
  .object({
    newTokens: z.number(),
    seconds: z.number(),
    features: z.record(z.string(), z.array(z.tuple([z.number(), z.number(), z.number()]))),
    cases: z.array(Case),
  })
  .parse(JSON.parse(readFileSync(tiny('golden.json'), 'utf8')));

/** The sound that golden.json describes. */
function sound(number: number, seconds: number): Float32Array {
  let state = number + 1;
  return Float32Array.from({ length: Math.floor(seconds * 16_000) }, (_, n) => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    const noise = state / 2 ** 32 - 0.5;
    const tone = Math.sin((2 * Math.PI * n * (200 + 130 * number)) / 16_000 + 3 * Math.sin((2 * Math.PI * n) / 8000));
    return 0.3 * tone + 0.2 * noise;
  });
}

const shared = { encoder: tiny('encoder_model.onnx'), generation: tiny('generation_config.json'), threads: 1 };
const split = { decoder: tiny('decoder_model.onnx'), decoderWithPast: tiny('decoder_with_past_model.onnx') };
const vocabulary = WhisperVocabulary.parse(readFileSync(tiny('tokenizer.json'), 'utf8'));
const NONE = { hotwords: [], times: 'none' as const };
let merged: Whisper;

beforeAll(async () => {
  merged = await Whisper.open({ ...shared, decoder: tiny('decoder_model_merged.onnx') });
});
afterAll(() => merged.dispose());

describe('LogMel', () => {
  it.each([80, 128])('gives the features of WhisperFeatureExtractor, %i rows', (mels) => {
    const features = new LogMel(mels).features(sound(0, golden.seconds));
    const points = golden.features[mels]!;
    expect(points.length).toBeGreaterThan(300);
    const worst = Math.max(...points.map(([mel, frame, value]) => Math.abs(features[mel * 3000 + frame]! - value)));
    expect(worst).toBeLessThan(1e-4);
  });
});

describe('Whisper', () => {
  const options = ({ language, task, prompt }: z.infer<typeof Case>) => ({
    ...NONE,
    language,
    task,
    prompt: prompt === undefined ? [] : vocabulary.encode(prompt),
  });

  it.each(golden.cases)('writes the tokens of transformers: $sound $language $task $prompt', async (example) => {
    const utterances = [sound(example.sound, example.seconds)];
    const [result] = await merged.recognise({ ...options(example), utterances });
    const tokens = result!.tokens.slice(0, golden.newTokens);
    expect(tokens).toEqual(example.tokens);
    expect(result!.language).toBe(example.language ?? example.heard);
    expect(vocabulary.decode(tokens)).toBe(example.text.trim());
  });

  it('writes the same of several sounds together, and with the decoder in two files', async () => {
    const plain = golden.cases.filter(({ language }) => language === undefined);
    const utterances = plain.map((example) => sound(example.sound, example.seconds));
    const two = await Whisper.open({ ...shared, ...split });
    for (const model of [merged, two]) {
      const results = await model.recognise({ ...NONE, utterances });
      expect(results.map(({ tokens }) => tokens.slice(0, golden.newTokens))).toEqual(plain.map(({ tokens }) => tokens));
      expect(results.map(({ language }) => language)).toEqual(plain.map(({ heard }) => heard));
    }
    await two.dispose();
  });

  it('takes the language of the rest of the recording where it is not sure', async () => {
    const utterances = [sound(1, 0.45), sound(4, 1.2)];
    const languages = async (likely?: string) =>
      (await merged.recognise({ ...NONE, utterances, likely })).map(({ language }) => language);
    expect(await languages()).toEqual(['yue', 'de']);
    expect(await languages('ja')).toEqual(['ja', 'de']);
  });

  it('tells when tokens are spoken, in order and inside the sound', async () => {
    const [result] = await merged.recognise({ ...NONE, times: 'all', utterances: [sound(1, 5)] });
    const starts = result!.starts!;
    expect(starts).toHaveLength(result!.tokens.length);
    starts.forEach((at, i) => {
      expect(at).toBeGreaterThanOrEqual(starts[i - 1] ?? 0);
      expect(at).toBeLessThanOrEqual(5 * 16_000);
    });
  });

  it('lets hot words through', async () => {
    const word = vocabulary.encode('the');
    const [result] = await merged.recognise({ utterances: [sound(0, 3.1)], hotwords: [word], times: 'none' });
    expect(result!.tokens).toHaveLength(60);
  });

  it('knows its languages, and refuses others', async () => {
    expect(merged.languages.toSorted()).toEqual(['de', 'en', 'fr', 'ja', 'yue']);
    const request = { ...NONE, utterances: [sound(0, 1)], language: 'xx' };
    await expect(merged.recognise(request)).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
