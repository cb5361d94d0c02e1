import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatTranscript } from '#contracts';
import { openTessera, type Tessera } from '#pipeline';
import { loadConfig } from '#platform';
import { createApi } from '../../apps/api/index.js';

/** From the decoder to the client: nothing is stood in for. */
let folder: string;
let tessera: Tessera;
let api: Awaited<ReturnType<typeof createApi>>;
let client: OpenAI;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tessera-logprobs-'));
  chmodSync(folder, 0o711);
  tessera = await openTessera(loadConfig({ ...process.env, TESSERA_DATA_DIR: folder }), { warm: ['decoder'] });
  api = await createApi({ ...tessera, formatTranscript });
  await api.listen(0, '127.0.0.1');
  client = new OpenAI({ baseURL: `${await api.getUrl()}/v1`, apiKey: 'none', maxRetries: 0 });
});
afterAll(async () => {
  await api.close();
  await tessera.close();
  rmSync(folder, { recursive: true, force: true });
});

test('every token of an answer has its log probability; the greedy one is the likeliest', async () => {
  const request = {
    model: 'tessera-nano',
    messages: [{ role: 'user' as const, content: 'What is the capital of France?' }],
    max_completion_tokens: 12,
    logprobs: true,
    top_logprobs: 3,
  };
  const completion = await client.chat.completions.create(request);
  const [choice] = completion.choices;
  const content = choice?.logprobs?.content ?? [];
  expect(content).toHaveLength(completion.usage?.completion_tokens ?? 0);
  expect(
    content
      .map(({ token }) => token)
      .join('')
      .trim(),
  ).toBe(choice?.message.content);
  for (const { token, logprob, top_logprobs: top } of content) {
    expect(top).toHaveLength(3);
    expect(top[0]).toMatchObject({ token, logprob });
    const masses = top.map((each) => Math.exp(each.logprob));
    expect(masses).toEqual([...masses].sort((a, b) => b - a));
    expect(masses.reduce((sum, mass) => sum + mass)).toBeLessThanOrEqual(1.000_01);
  }
  const streamed = await client.chat.completions.stream({ ...request, stream: true }).finalChatCompletion();
  const again = streamed.choices[0]?.logprobs?.content ?? [];
  expect(again.map(({ token }) => token)).toEqual(content.map(({ token }) => token));
  // A token that was drafted is computed with others in one step, whose sums are rounded in another order.
  again.forEach(({ logprob }, i) => expect(Math.abs(logprob - content[i]!.logprob)).toBeLessThan(0.05));
});
