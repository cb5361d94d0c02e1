import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import OpenAI, { toFile } from 'openai';
import { formatTranscript } from '#contracts';
import { Vocabulary } from '#encoders/speech';
import { createHandlers, Models } from '#pipeline';
import { emptyWav } from '../support/bad-files.js';
import { form, readEvents, startApi, type TestApi } from '../support/api.js';
import { errorOf } from '../support/http.js';
import { ffmpeg, mediaFolder, say, sox } from '../support/media.js';
import { installTinyWhisper, moonshinePack } from '../support/speech-pack.js';

const FIRST = 'Her name is Molly, and she sleeps in the garden all day.';
const SECOND = 'Please open the window, because the room is very warm.';
const media = mediaFolder('transcriptions');
const at = media.file;
const closers: (() => Promise<void>)[] = [];
let moonshine: TestApi;

/** The edge with the stages and models that hear, and nothing else of the pipeline. */
async function start(packOf: (folder: string) => Promise<ConstructorParameters<typeof Models>[0]>): Promise<TestApi> {
  const pack = await packOf(media.file('.'));
  let models: Models | undefined;
  const handlers: Parameters<typeof startApi>[1] = ({ config, records, blobs }) => {
    models = new Models(pack, config);
    const { 'media.ingest': ingest, 'media.hear': hear } = createHandlers({ config, records, blobs, models });
    return { 'media.ingest': ingest, 'media.hear': hear };
  };
  const api = await startApi({}, handlers, formatTranscript);
  closers.push(async () => {
    await api.close();
    await models?.dispose();
  });
  return api;
}

beforeAll(async () => {
  say(FIRST, at('first.wav'), '-v', 'en-us', '-s', '140');
  say(SECOND, at('second.wav'), '-v', 'en-us', '-s', '140');
  sox('-n', '-r', '22050', '-c', '1', at('gap.wav'), 'trim', '0', '2');
  sox(at('first.wav'), at('gap.wav'), at('second.wav'), at('both.wav'));
  moonshine = await start(async () => moonshinePack);
});
afterAll(async () => {
  for (const close of closers) await close();
  media.dispose();
});

const send = (api: TestApi, name: string, fields: Record<string, string> = {}, path = 'transcriptions') =>
  fetch(`${api.url}/v1/audio/${path}`, {
    method: 'POST',
    body: form(fields, [['file', name, readFileSync(at(name))]]),
  });

interface Verbose {
  text: string;
  language: string;
  warnings?: string[];
  segments: { start: number; end: number; text: string; channel?: number }[];
  words?: { word: string }[];
}
async function transcribe(name: string, fields: Record<string, string> = {}): Promise<Verbose> {
  const response = await send(moonshine, name, { response_format: 'verbose_json', ...fields });
  expect(response.status).toBe(200);
  return (await response.json()) as Verbose;
}

describe('transcriptions', () => {
  it('streams what was said while the file is heard, with times where they are asked for', async () => {
    const fields = { stream: 'true', 'timestamp_granularities[]': 'segment' };
    const events = await readEvents(await send(moonshine, 'both.wav', fields));
    const told = events
      .filter(({ data }) => data !== '[DONE]')
      .map(({ data }) => JSON.parse(data) as { type: string; delta?: string; text?: string; start?: number });
    const of = (type: string) => told.filter((event) => event.type === `transcript.text.${type}`);
    expect(told.at(-1)!.type).toBe('transcript.text.done');
    expect(
      of('delta')
        .map(({ delta }) => delta)
        .join(''),
    ).toBe(of('done')[0]!.text);
    expect(of('segment')).toHaveLength(of('delta').length);
    expect(of('segment').at(-1)!.start).toBeGreaterThan(4);
    // Without them, the events are OpenAI's two.
    const plain = await readEvents(await send(moonshine, 'both.wav', { stream: 'true' }));
    expect(plain.some(({ data }) => data.includes('transcript.text.segment'))).toBe(false);
  });

  it("tells OpenAI's client of each segment what the recogniser knew", async () => {
    const client = new OpenAI({ baseURL: `${moonshine.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const { text, segments = [] } = await client.audio.transcriptions.create({
      model: 'tessera-nano',
      file: await toFile(readFileSync(at('both.wav')), 'both.wav'),
      response_format: 'verbose_json',
    });
    expect(segments.map((segment) => segment.text).join(' ')).toBe(text);
    const tokenizer = moonshinePack.path(moonshinePack.manifest.speech!.tokenizer);
    const vocabulary = Vocabulary.parse(readFileSync(tokenizer, 'utf8'));
    for (const segment of segments) {
      expect(vocabulary.decode(segment.tokens)).toBe(segment.text);
      expect(segment.seek).toBe(Math.round(100 * segment.start));
      // Clear speech of known words: neither certain nor in doubt.
      expect(segment.avg_logprob).toBeLessThan(0);
      expect(segment.avg_logprob).toBeGreaterThan(-0.75);
      expect(segment.no_speech_prob).toBeGreaterThan(0);
      expect(segment.no_speech_prob).toBeLessThan(0.5);
      expect(segment.compression_ratio).toBeLessThan(2.4);
    }
  });

  it('writes words as the user wants them, with their times', async () => {
    const replacements = JSON.stringify([
      { from: 'window', to: 'WINDOW-7' },
      { from: 'very warm', to: 'hot' },
    ]);
    const plain = await transcribe('second.wav');
    expect(plain.text).toMatch(/window/);
    const { text, words = [] } = await transcribe('second.wav', {
      replacements,
      'timestamp_granularities[]': 'word',
    });
    expect(text).toBe(plain.text.replace('window', 'WINDOW-7').replace('very warm', 'hot'));
    expect(words.map(({ word }) => word).join(' ')).toBe(text);
    const refused = await send(moonshine, 'second.wav', { replacements: 'window=door' });
    expect([refused.status, (await errorOf(refused)).param]).toEqual([400, 'replacements']);
  });

  it('tells the channels of a call apart', async () => {
    sox('-M', at('first.wav'), at('second.wav'), at('call.wav'));
    const { segments } = await transcribe('call.wav', { channels: 'separate' });
    expect(new Set(segments.map(({ channel }) => channel))).toEqual(new Set([0, 1]));
    expect(segments.find(({ channel }) => channel === 1)!.text).toMatch(/window/);
  });

  it('tells what tracks there are, and transcribes the one that is chosen', async () => {
    const tracks = ['-map', '0', '-map', '1', '-metadata:s:a:1', 'language=eng', '-c:a', 'flac'];
    ffmpeg('-i', at('first.wav'), '-i', at('second.wav'), ...tracks, at('two.mkv'));
    const first = await transcribe('two.mkv');
    expect(first.text).toMatch(/garden/);
    expect(first.warnings).toEqual([
      expect.stringMatching(/2 audio tracks: 0 \(flac\), 1 \(flac, eng\)\. Track 0 was/),
    ]);
    const second = await transcribe('two.mkv', { track: '1' });
    expect(second.text).toMatch(/window/);
    expect(second.warnings ?? []).toEqual([]);
    const refused = await send(moonshine, 'two.mkv', { track: '7' });
    expect([refused.status, await errorOf(refused)]).toMatchObject([400, { param: 'track' }]);
  });

  it('tells how much of the sound is done, through silence too', async () => {
    sox('-n', '-r', '16000', '-c', '1', at('silence.wav'), 'trim', '0', '60');
    const response = await fetch(`${moonshine.url}/v1/audio/transcriptions`, {
      method: 'POST',
      headers: { prefer: 'respond-async' },
      body: form({}, [['file', 'silence.wav', readFileSync(at('silence.wav'))]]),
    });
    expect(response.status).toBe(202);
    const { id } = (await response.json()) as { id: string };
    const events = await readEvents(await fetch(`${moonshine.url}/v1/jobs/${id}/events`));
    const percents = events
      .map(({ data }) => JSON.parse(data) as { type?: string; stage?: string; percent?: number })
      .filter(({ type, stage }) => type === 'progress' && stage === 'hear')
      .map(({ percent }) => percent!);
    expect(percents.some((percent) => percent > 20 && percent < 80)).toBe(true);
    expect(percents.toSorted((a, b) => a - b)).toEqual(percents);
  });

  it('warns of speech in another language, and refuses what the model cannot do', async () => {
    const german =
      'Heute scheint die Sonne und die Kinder spielen im Garten. Am Abend gehen wir gemeinsam in die Stadt.';
    say(german, at('german.wav'), '-v', 'de');
    expect((await transcribe('german.wav')).warnings!.join()).toMatch(/not seem to be English.*Whisper pack/);
    const other = await send(moonshine, 'german.wav', { language: 'de' });
    expect([other.status, await errorOf(other)]).toMatchObject([400, { param: 'language' }]);
    const translated = await send(moonshine, 'german.wav', {}, 'translations');
    expect([translated.status, await errorOf(translated)]).toMatchObject([400, { param: 'task' }]);
  });
});

describe('bad input', () => {
  it('takes a twentieth of a second, 8-bit µ-law and 192 kHz', async () => {
    sox(at('first.wav'), at('tiny.wav'), 'trim', '0.3', '0.05');
    expect((await transcribe('tiny.wav')).segments.length).toBeLessThanOrEqual(1);
    ffmpeg('-i', at('first.wav'), '-c:a', 'pcm_mulaw', '-ar', '8000', at('phone.wav'));
    ffmpeg('-i', at('second.wav'), '-c:a', 'pcm_s24le', '-ar', '192000', at('studio.wav'));
    expect((await transcribe('phone.wav')).text).not.toBe('');
    expect((await transcribe('studio.wav')).text).toMatch(/window/);
  });

  it('says that there are no samples, or no sound at all', async () => {
    writeFileSync(at('zero.wav'), emptyWav());
    expect(await errorOf(await send(moonshine, 'zero.wav'))).toMatchObject({ code: 'no_audio_samples' });
    ffmpeg('-f', 'lavfi', '-i', 'testsrc=size=64x64:rate=5:duration=1', '-pix_fmt', 'yuv420p', at('mute.mp4'));
    expect(await errorOf(await send(moonshine, 'mute.mp4'))).toMatchObject({ code: 'no_audio_track' });
  });

  it('transcribes what can be read of a file with a broken tail, with a warning', async () => {
    ffmpeg('-i', at('both.wav'), '-c:a', 'flac', at('broken.flac'));
    const bytes = readFileSync(at('broken.flac'));
    bytes.fill(0x55, Math.floor(bytes.length * 0.7));
    writeFileSync(at('broken.flac'), bytes);
    const broken = await transcribe('broken.flac');
    expect(broken.text).toMatch(/garden/);
    expect(broken.warnings!.join()).toMatch(/damaged/);
    ffmpeg('-i', at('both.wav'), at('cut.mp3'));
    truncateSync(at('cut.mp3'), Math.floor(statSync(at('cut.mp3')).size * 0.6));
    const cut = await transcribe('cut.mp3');
    expect(cut.text).toMatch(/garden/);
    expect(cut.warnings!.join()).toMatch(/damaged|ends after/);
  });

  it('refuses a small file of ten hours by its header', async () => {
    ffmpeg(
      '-stream_loop',
      '-1',
      '-i',
      at('both.wav'),
      '-t',
      '600',
      '-c:a',
      'libopus',
      '-b:a',
      '6k',
      '-frame_duration',
      '60',
      at('ten.opus'),
    );
    writeFileSync(at('hours.txt'), `file '${at('ten.opus')}'\n`.repeat(60));
    ffmpeg('-f', 'concat', '-safe', '0', '-i', at('hours.txt'), '-c', 'copy', at('hours.opus'));
    expect(statSync(at('hours.opus')).size).toBeLessThan(30e6);
    const begun = performance.now();
    const refused = await send(moonshine, 'hours.opus');
    expect(await errorOf(refused)).toMatchObject({ code: 'media_too_long' });
    // To decode ten hours takes minutes.
    expect(performance.now() - begun).toBeLessThan(15_000);
  });
});

describe('a Whisper pack in a folder of the user', () => {
  it('transcribes in a language that is asked for, finds one out, and translates', async () => {
    const whisper = await start(installTinyWhisper);
    const ask = async (fields: Record<string, string>, path?: string) => {
      const response = await send(whisper, 'first.wav', { response_format: 'verbose_json', ...fields }, path);
      return { status: response.status, body: (await response.json()) as Verbose };
    };
    expect(await ask({ language: 'de' })).toMatchObject({ status: 200, body: { language: 'de' } });
    expect(await ask({}, 'translations')).toMatchObject({ status: 200, body: { language: 'en' } });
    const { status, body } = await ask({});
    // Random weights write nothing that is worth telling, so nothing is told of its language either.
    expect([status, body.text, body.language]).toEqual([200, '', 'en']);
    expect((await ask({ language: 'xx' })).status).toBe(400);
  });
});
