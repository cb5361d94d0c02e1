import { setTimeout as sleep } from 'node:timers/promises';
import { TesseraError, type JobTree } from '#contracts';
import type { Handlers } from '#jobs';

const hash = (name: string) => Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64);

/**
 * Handlers for tests of the queue and the edge: they read no media. The name of the source says what happens:
 * `slow` never ends unless aborted, `bad` is a permanent failure (`bad late` once another job has started), `flaky` fails on the first tries, `away` cannot reach a store on the first three, `work` takes a moment, anything else is well.
 */
export function testHandlers(seen: { aborted: string[]; started: string[] } = { aborted: [], started: [] }): Handlers {
  return {
    'media.ingest': async ({ source }, { signal, attempt, emit }) => {
      seen.started.push(source.name);
      emit({ type: 'progress', stage: 'ingest', percent: 50 });
      if (source.name.startsWith('slow'))
        await sleep(600_000, undefined, { signal }).catch((error: unknown) => {
          seen.aborted.push(source.name);
          throw error;
        });
      if (source.name.startsWith('work')) await sleep(30, undefined, { signal });
      while (source.name === 'bad late' && seen.started.length < 2) await sleep(5, undefined, { signal });
      if (source.name.startsWith('bad'))
        throw new TesseraError('corrupt_media', `${source.name} is cut off.`, { param: 'file' });
      if (source.name.startsWith('flaky') && attempt < 3) throw new TesseraError('url_unreachable', 'not now');
      if (source.name.startsWith('away') && attempt < 4)
        throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      if (source.name.startsWith('wrong')) return { nonsense: true } as never;
      return { id: hash(source.name), kind: 'image', name: source.name, mimeType: 'image/png', bytes: 1, tracks: [] };
    },
    'media.see': async (_payload, { children }) => {
      const [ingest] = await children();
      return { mediumId: (ingest?.result as { id: string }).id, frames: 1, times: [null], visual: null };
    },
    'media.hear': async (_payload, { children, emit }) => {
      const [ingest] = await children();
      const segments = [
        { start: 0, end: 1.5, text: 'Ask not' },
        { start: 1.5, end: 3, text: 'what your country can do for you.' },
      ];
      for (const segment of segments) emit({ type: 'segment', ...segment });
      const transcript = {
        language: 'en',
        duration: 3,
        text: segments.map(({ text }) => text).join(' '),
        segments,
        warnings: [],
      };
      return { mediumId: (ingest?.result as { id: string }).id, transcript };
    },
    'media.compose': async ({ source }, { children }) => {
      const parts = await children();
      const medium = {
        id: hash(source.name),
        kind: 'image' as const,
        name: source.name,
        mimeType: 'image/png',
        bytes: 1,
        tracks: [],
      };
      return { medium, segments: hash(`segments ${source.name}`), count: parts.length };
    },
    'media.extract': async () => ({ blob: hash('clip'), mimeType: 'video/mp4' }),
    answer: async ({ task, inputs, sampling }, { children, emit }) => {
      const composed = await children();
      const asked =
        task.type === 'chat' ? task.messages.at(-1)?.content : task.type === 'ask' ? task.question : 'describe';
      const words = `${asked} ← ${inputs.join(' + ') || 'nothing'}`.split(/(?<= )/).slice(0, sampling.maxTokens);
      const { logprobs: top } = sampling;
      const likely = { logprob: -0.5 };
      const logprobs = words.map((token) => ({ token, ...likely, top: [{ token, ...likely }].slice(0, top) }));
      words.forEach((text, i) => emit({ type: 'token', text, ...(top === undefined ? {} : { logprob: logprobs[i] }) }));
      const names = composed.map(({ result }) => (result as { medium: { name: string } }).medium.name);
      return {
        text: words.join(''),
        finishReason: 'stop' as const,
        citations: names.map((input, i) => ({
          input,
          mediumId: hash(input),
          start: i,
          end: i + 1,
          page: null,
          quote: 'seen',
          weight: 0.5,
        })),
        usage: { promptTokens: 10, selectedTokens: 8, completionTokens: words.length, cachedTokens: 2 },
        timings: { prefillMs: 1 },
        ...(top === undefined ? {} : { logprobs }),
      };
    },
  };
}

/** answer ← compose ← see ← ingest for every name. */
export function photoTree(...names: string[]): JobTree {
  const source = (name: string) => ({ type: 'file' as const, path: `/tmp/${name}`, name });
  return {
    name: 'answer',
    payload: { task: { type: 'ask', question: 'What?' }, sampling: {}, inputs: names },
    children: names.map((name) => ({
      name: 'media.compose',
      payload: { source: source(name) },
      children: [
        {
          name: 'media.see',
          payload: { options: {} },
          children: [{ name: 'media.ingest', payload: { source: source(name) } }],
        },
      ],
    })),
  };
}
