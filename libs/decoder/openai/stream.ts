import { z } from 'zod';
import { TesseraError, type DecodeEvent, type TokenLogprob } from '#contracts';

const Likelihood = z.object({ token: z.string(), logprob: z.number() });

/** One chunk of a streamed chat completion: what we read of it. */
const Chunk = z.object({
  choices: z
    .array(
      z.object({
        delta: z.object({ content: z.string().nullish() }).nullish(),
        finish_reason: z.string().nullish(),
        logprobs: z
          .object({ content: z.array(Likelihood.extend({ top_logprobs: z.array(Likelihood).nullish() })).nullish() })
          .nullish(),
      }),
    )
    .default([]),
  usage: z
    .object({
      prompt_tokens: z.number().default(0),
      completion_tokens: z.number().default(0),
      prompt_tokens_details: z.object({ cached_tokens: z.number().nullish() }).nullish(),
    })
    .nullish(),
  error: z.object({ message: z.string() }).nullish(),
});
type Chunk = z.infer<typeof Chunk>;

/** The data of server-sent events, which end with `[DONE]` or with the body. */
export async function* readEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const data = /^data:\s?(.*)$/.exec(line)?.[1];
      if (data === '[DONE]') return;
      if (data) yield data;
    }
  }
}

function readChunk(data: string): Chunk {
  const parsed = Chunk.safeParse(JSON.parse(data));
  if (!parsed.data)
    throw new TesseraError(
      'decoder_failed',
      `The engine sent what is no chat completion: ${z.prettifyError(parsed.error)}`,
    );
  if (parsed.data.error) throw new TesseraError('decoder_failed', `The engine failed: ${parsed.data.error.message}`);
  return parsed.data;
}

const toLogprobs = (choice: Chunk['choices'][number]): TokenLogprob[] =>
  (choice.logprobs?.content ?? []).map(({ token, logprob, top_logprobs }) => ({
    token,
    logprob,
    top: (top_logprobs ?? []).map((each) => ({ token: each.token, logprob: each.logprob })),
  }));

/** A streamed chat completion as the events of a decoder. An engine reports no attention, so its evidence is 0 for every segment. */
export async function* toDecodeEvents(body: AsyncIterable<Uint8Array>, segments: number): AsyncGenerator<DecodeEvent> {
  const started = performance.now();
  let first: number | undefined;
  let text = '';
  let finish: string | undefined;
  let usage: Chunk['usage'];
  for await (const data of readEvents(body)) {
    const chunk = readChunk(data);
    usage = chunk.usage ?? usage;
    const [choice] = chunk.choices;
    if (!choice) continue;
    finish = choice.finish_reason ?? finish;
    const piece = choice.delta?.content ?? '';
    const logprobs = toLogprobs(choice);
    if (piece === '' && logprobs.length === 0) continue;
    first ??= performance.now();
    text += piece;
    // A chunk may hold several tokens: their text comes with the first.
    yield { type: 'token', text: piece, ...(logprobs[0] ? { logprob: logprobs[0] } : {}) };
    for (const logprob of logprobs.slice(1)) yield { type: 'token', text: '', logprob };
  }
  if (finish === undefined) throw new TesseraError('decoder_failed', 'The engine broke off its answer.');
  const ended = performance.now();
  const prompt = usage?.prompt_tokens ?? 0;
  yield {
    type: 'done',
    text,
    finishReason: finish === 'length' ? 'length' : 'stop',
    usage: {
      promptTokens: prompt,
      selectedTokens: prompt,
      completionTokens: usage?.completion_tokens ?? 0,
      cachedTokens: usage?.prompt_tokens_details?.cached_tokens ?? 0,
    },
    evidence: new Array<number>(segments).fill(0),
    timings: {
      prefillMs: (first ?? ended) - started,
      selectMs: 0,
      firstTokenMs: (first ?? ended) - started,
      decodeMs: ended - (first ?? ended),
    },
  };
}
