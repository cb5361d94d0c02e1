import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, Output, streamText } from 'ai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ROOT } from '../support/cli.js';
import { python, pythonPrograms } from '../support/python-clients.js';
import { startService, type Service } from '../support/service.js';

let service: Service;

beforeAll(async () => {
  pythonPrograms();
  service = await startService();
}, 300_000);
afterAll(() => service.stop());

test('the client of PyPI, unmodified: chat, streams, schemas, sound, transcripts, files, batches, errors', async () => {
  const env = { OPENAI_BASE_URL: `${service.url}/v1`, OPENAI_API_KEY: 'none-is-asked-for' };
  const script = join(ROOT, 'test/python/openai_client.py');
  const { code, output } = await python('python', [script, join(ROOT, 'samples')], { env });
  expect(code, output).toBe(0);
  expect(output.match(/^ok /gm)).toHaveLength(8);
});

describe('the AI SDK’s openai-compatible provider', () => {
  const model = () =>
    createOpenAICompatible({
      name: 'tessera',
      baseURL: `${service.url}/v1`,
      supportsStructuredOutputs: true,
      includeUsage: true,
    })('tessera-nano');
  const picture = () => ({
    role: 'user' as const,
    content: [
      { type: 'text' as const, text: 'Describe this picture.' },
      { type: 'file' as const, mediaType: 'image/jpeg', data: readFileSync(join(ROOT, 'samples/cat.jpg')) },
    ],
  });

  test('writes about a picture', async () => {
    const { text, finishReason, usage } = await generateText({ model: model(), messages: [picture()], maxRetries: 0 });
    expect(text.toLowerCase()).toContain('cat');
    expect(finishReason).toBe('stop');
    expect(usage.outputTokens).toBeGreaterThan(3);
  });

  test('streams', async () => {
    const { textStream, usage } = streamText({ model: model(), messages: [picture()], maxRetries: 0 });
    const pieces: string[] = [];
    for await (const piece of textStream) pieces.push(piece);
    expect(pieces.length).toBeGreaterThan(3);
    expect(pieces.join('').toLowerCase()).toContain('cat');
    expect((await usage).outputTokens).toBeGreaterThan(3);
  });

  test('gets JSON of its schema', async () => {
    const schema = z.object({ animal: z.string(), indoors: z.boolean() });
    const { output } = await generateText({ model: model(), messages: [picture()], output: Output.object({ schema }), maxRetries: 0 }); // prettier-ignore
    expect(schema.parse(output)).toEqual(output);
  });
});
