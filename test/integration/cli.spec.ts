import { execFile } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { AskResult, DescribeResult, TranscribeResult } from '#contracts';
import { writeBadFiles } from '../support/bad-files.js';
import { cli, lines, ROOT, tempFolder } from '../support/cli.js';

const folder = tempFolder('cli');
const data = tempFolder('cli-data');
const temp = tempFolder('cli-tmp');
const env = { TESSERA_DATA_DIR: data, TMPDIR: temp };
const sample = (name: string): string => join(ROOT, 'samples', name);

afterAll(() => {
  for (const each of [folder, data, temp]) rmSync(each, { recursive: true, force: true });
});

it('ends quietly when whoever reads its output has gone', async () => {
  for (const args of ['models list', `describe samples/cat.jpg samples/coffee.jpg`]) {
    const script = `node bin/tessera.js ${args} | true; echo "status \${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await promisify(execFile)('bash', ['-c', script], { cwd: ROOT, env: { ...process.env, ...env } }); // prettier-ignore
    expect(stdout).toBe('status 0\n');
    expect(stderr).not.toContain('EPIPE');
  }
});

describe('tessera describe', () => {
  it('describes photographs, one JSON object a line, in the order they were given', async () => {
    const inputs = [sample('cat.jpg'), sample('coffee.jpg')];
    const { status, stdout } = await cli(['describe', ...inputs, '--json'], env);
    expect(status).toBe(0);
    const results = lines(stdout).map((line) => DescribeResult.parse(line));
    expect(results.map((result) => result.input)).toEqual(inputs);
    expect(results[0]?.description.toLowerCase()).toContain('cat');
    for (const { description, usage, timings } of results) {
      expect(description.split(' ').length).toBeGreaterThan(3);
      expect(usage.completion_tokens).toBeGreaterThan(3);
      expect(timings.total_ms).toBeGreaterThan(0);
    }
  });

  it('answers the good files among bad ones, and says of each bad one what is wrong', async () => {
    const bad = writeBadFiles(folder);
    const inputs = [
      bad.truncated,
      sample('cat.jpg'),
      bad.lying,
      bad.empty,
      bad.huge,
      bad.silent,
      bad.missing,
      'http://127.0.0.1:9/x.jpg',
      'https://nowhere.invalid/x.jpg',
    ];
    const { status, stdout, stderr } = await cli(['describe', ...inputs, '--json'], env);
    expect(status).toBe(1);
    const results = lines(stdout);
    expect(results.map((result) => result['input'])).toEqual(inputs);
    const codes = results.map((result) => (result['error'] as { code?: string } | undefined)?.code);
    expect(codes).toEqual([
      'corrupt_media',
      undefined,
      'unsupported_media',
      'empty_file',
      'too_many_pixels',
      expect.stringMatching(/^(no_audio_samples|not_an_image|corrupt_media)$/),
      'file_not_found',
      'url_not_allowed',
      'url_not_allowed',
    ]);
    expect(stdout + stderr).not.toMatch(/\n\s+at /);
    expect(readdirSync(temp)).toEqual([]);
  });
});

describe('--detail', () => {
  it('is what it may be, or tells what that is', async () => {
    const high = await cli(['describe', sample('cat.jpg'), '--detail', 'high', '--json'], env);
    expect(high.status).toBe(0);
    expect(DescribeResult.parse(lines(high.stdout)[0]).description).not.toBe('');
    for (const command of [['describe'], ['ask', 'What is it?']]) {
      const { status, stderr } = await cli([...command, sample('cat.jpg'), '--detail', 'sharp'], env);
      expect(status).toBe(2);
      expect(stderr).toContain('Allowed choices are auto, low, high');
    }
  });
});

describe('a URL that nobody answers', () => {
  it('is told apart from one that may not be fetched', async () => {
    const { status, stdout } = await cli(['describe', 'http://127.0.0.1:9/x.jpg', '--json'], {
      ...env,
      TESSERA_ALLOW_PRIVATE_URLS: 'true',
    });
    expect(status).toBe(1);
    expect(lines(stdout)[0]).toMatchObject({ error: { code: 'url_unreachable' } });
  });
});

describe('tessera transcribe', () => {
  it('writes down the sample recording with times', async () => {
    const { status, stdout } = await cli(['transcribe', sample('speech.flac'), '--json'], env);
    expect(status).toBe(0);
    const [result] = lines(stdout).map((line) => TranscribeResult.parse(line));
    expect(result?.text.toLowerCase()).toContain('library');
    expect(result?.duration).toBeGreaterThan(13);
    expect(result?.duration).toBeLessThan(15);
    for (const { start, end } of result?.segments ?? []) expect(end).toBeGreaterThan(start);
  });

  it('gives words with their times, of the track that is chosen', async () => {
    const args = ['transcribe', sample('talk.mp4'), '--json', '--words', '--prompt', 'coffee', '--track'];
    const { status, stdout } = await cli([...args, '1'], env);
    expect(status).toBe(0);
    const { segments } = TranscribeResult.parse(lines(stdout)[0]);
    for (const { text, words = [] } of segments) expect(words.map(({ word }) => word).join(' ')).toBe(text);
    expect((await cli([...args, '0'], env)).stdout).toMatch(/not an audio track/);
  });

  it.each([
    ['srt', /^1\n00:00:0\d,\d{3} --> /],
    ['vtt', /^WEBVTT\n/],
    ['verbose_json', /^\{/],
    ['text', /library/],
  ])('writes %s', async (format, pattern) => {
    const { status, stdout } = await cli(['transcribe', sample('speech.flac'), '--format', format], env);
    expect(status).toBe(0);
    expect(stdout).toMatch(pattern);
  });

  it('refuses a recording without samples and a picture', async () => {
    const bad = writeBadFiles(folder);
    const { status, stdout } = await cli(['transcribe', bad.silent, sample('cat.jpg'), '--json'], env);
    expect(status).toBe(1);
    expect(lines(stdout).map((line) => (line['error'] as { code: string }).code)).toEqual([
      'no_audio_samples',
      'no_audio_track',
    ]);
  });
});

describe('tessera ask', () => {
  it('answers about the sample film and cites the time it rests on', async () => {
    const { status, stdout } = await cli(['ask', 'What is said about the coffee?', sample('talk.mp4'), '--json'], env);
    expect(status).toBe(0);
    const result = AskResult.parse(JSON.parse(stdout));
    const [citation] = result.citations;
    // The coffee is talked about from 16.7 s to 26.3 s.
    expect(citation?.start).toBeGreaterThan(16);
    expect(citation?.end).toBeLessThan(27);
    expect(citation?.quote.toLowerCase()).toContain('coffee');
    expect(result.usage.prompt_tokens).toBeGreaterThan(50);
  });

  it('asks about the good files when one is bad', async () => {
    const bad = writeBadFiles(folder);
    const { status, stdout } = await cli(['ask', 'What animal is it?', bad.empty, sample('cat.jpg'), '--json'], env);
    expect(status).toBe(1);
    const [error, answer] = lines(stdout);
    expect(error).toMatchObject({ input: bad.empty, error: { code: 'empty_file' } });
    expect(AskResult.parse(answer).answer.toLowerCase()).toContain('cat');
  });
});

describe('usage', () => {
  it.each([
    [['describe']],
    [['nothing']],
    [['transcribe', 'a.wav', '--format', 'pdf']],
    [['bench', 'queue', '--nothing']],
    [[]],
  ])('%j exits with 2 and says how', async (args) => {
    const { status, stderr, stdout } = await cli(args, env);
    expect(status).toBe(2);
    expect(stderr + stdout).toMatch(/usage|error/i);
  });

  it('--help exits with 0', async () => {
    const { status, stdout } = await cli(['--help'], env);
    expect(status).toBe(0);
    expect(stdout).toContain('transcribe');
  });
});
