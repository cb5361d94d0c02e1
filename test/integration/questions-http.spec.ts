import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DecodeEvent } from '#contracts';
import type { Handlers } from '#jobs';
import { TextRecognizer } from '#media';
import { createHandlers, type Models } from '#pipeline';
import { form, startApi, type HandlerParts, type TestApi } from '../support/api.js';
import { request } from '../support/http.js';
import { ffmpeg, mediaFolder } from '../support/media.js';
import { pdf } from '../support/pdf.js';

const folder = mediaFolder('questions-http');
const SAID = [
  'Welcome to the yearly meeting of the harbour.',
  'The harbour was enlarged by two piers for ferries.',
  'The new ferry Neptune leaves at nine every morning.',
  'A bell rings at the pier.',
  'Ferries brought two million people to the harbour this year.',
  'Somebody left a bag in the hall.',
  'The harbour lost money with its old crane.',
  'A bell rings at the pier.',
  'Next year the harbour will buy an electric ferry.',
  'Thank you and goodbye.',
];
const PAGES = [
  ['The museum of the town opened in 1911.', 'Its pictures came from the painter Ida Berg.'],
  ['A flood damaged the museum and forty pictures in 1953.', 'Volunteers of the town saved most pictures.'],
  ['Today the museum shows the pictures of Ida Berg in five rooms.', 'The museum is closed on Mondays.'],
];
const NOT_FOUND = "I can't find that in the material.";

/** A film of colours with what is said as its subtitles, one line each three seconds. */
function film(): string {
  const clock = (seconds: number): string => new Date(1000 * seconds).toISOString().slice(11, 23).replace('.', ',');
  const cues = SAID.map((text, i) => `${i + 1}\n${clock(3 * i)} --> ${clock(3 * i + 2.5)}\n${text}\n`);
  writeFileSync(folder.file('said.srt'), cues.join('\n'));
  ffmpeg('-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=5:d=30', '-i', folder.file('said.srt'), '-c:v', 'libx264', '-preset', 'ultrafast', '-c:s', 'mov_text', '-metadata:s:s:0', 'language=eng', folder.file('film.mp4')); // prettier-ignore
  return folder.file('film.mp4');
}

const recognizer = new TextRecognizer();
/** How often the decoder was asked, and what; the forms that its answers were to have. */
const asked: string[] = [];
const forms: unknown[] = [];

/** Everything but the models is real; the decoder finds nothing. */
function handlers(parts: HandlerParts): Partial<Handlers> {
  const prompts = JSON.parse(readFileSync(new URL('../../packs/nano/prompts.json', import.meta.url), 'utf8')) as object;
  const models = {
    pack: { id: 'test' },
    prompts: async () => prompts,
    textRecognizer: async () => recognizer,
    tokenCounter: async () => (text: string) => Math.ceil(text.length / 4),
    decoder: async () => ({
      reads: 'embeddings',
      async *generate({
        question,
        sampling,
      }: {
        question: { text?: string }[];
        sampling: { jsonSchema?: unknown };
      }): AsyncIterable<DecodeEvent> {
        forms.push(sampling.jsonSchema);
        asked.push(question.map(({ text = '' }) => text).join(''));
        yield { type: 'token', text: NOT_FOUND, id: 0 } as DecodeEvent;
        yield {
          type: 'done',
          text: NOT_FOUND,
          finishReason: 'stop',
          evidence: [],
          usage: { promptTokens: 1, selectedTokens: 1, completionTokens: 1, cachedTokens: 0 },
          timings: { prefillMs: 0, selectMs: 0, firstTokenMs: 0, decodeMs: 0 },
        } as unknown as DecodeEvent;
      },
    }),
  };
  const real = createHandlers({ ...parts, models: models as unknown as Models });
  const mediumId = async (children: () => Promise<{ result: unknown }[]>): Promise<string> =>
    ((await children())[0]?.result as { id: string }).id;
  return {
    'media.ingest': real['media.ingest'],
    'media.compose': real['media.compose'],
    answer: real.answer,
    'media.see': async (_payload, { children }) => ({ mediumId: await mediumId(children), frames: 0, times: [], visual: null }), // prettier-ignore
    'media.hear': async (_payload, { children }) => ({
      mediumId: await mediumId(children),
      transcript: { language: 'en', duration: 30, text: '', segments: [], warnings: [] },
    }),
  };
}

let api: TestApi;
let filmId: string;
let pdfId: string;
beforeAll(async () => {
  api = await startApi({}, handlers);
  filmId = await bring('film.mp4', readFileSync(film()));
  pdfId = await bring('museum.pdf', pdf(PAGES.map((lines) => ({ lines }))));
});
afterAll(async () => {
  await api.close();
  await recognizer.dispose();
  folder.dispose();
});

async function bring(name: string, bytes: Buffer): Promise<string> {
  const body = form({}, [['file', name, new Uint8Array(bytes)]]);
  return ((await (await fetch(`${api.url}/v1/media`, { method: 'POST', body })).json()) as { id: string }).id;
}

interface Citation {
  input: string;
  start: number | null;
  page: number | null;
  box?: { left: number; top: number; width: number; height: number };
  quote: string;
  clip_url?: string;
}
type Told = { answer: string; citations: Citation[] };

const post = (path: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(api.url + path, request('POST', body, headers));
const ask = async (question: string, media: string[], more: object = {}): Promise<Told> =>
  (await (await post('/v1/questions', { question, media, ...more })).json()) as Told;

describe('a summary', () => {
  test('of a film and a document has sentences of theirs, each with its place', async () => {
    const { answer, citations } = await ask('Summarise this.', [filmId, pdfId]);
    const sentences = answer.split(/ ?\[\d+\] ?/).filter(Boolean);
    expect(sentences.length).toBeGreaterThanOrEqual(3);
    expect(sentences.length).toBeLessThanOrEqual(8);
    expect(answer).toMatch(/\[1\].*\[2\].*\[3\]/);
    expect(citations).toHaveLength(sentences.length);
    sentences.forEach((sentence, i) => {
      expect(citations[i]!.quote).toContain(sentence.trim());
      const { input, start, page, box } = citations[i]!;
      if (input === 'museum.pdf') {
        expect(page).toBeGreaterThan(0);
        expect(box!.left).toBeCloseTo(60 / 595, 2);
        expect(box!.top).toBeLessThan(0.1);
      } else expect(SAID[Math.round(start! / 3)]).toBe(citations[i]!.quote);
    });
    expect(new Set(citations.map(({ input }) => input)).size).toBe(2);
    expect(answer).not.toMatch(/Welcome|Thank you|bag in the hall/);
  });

  test('is what media without a word get', async () => {
    const content = [filmId, pdfId].map((id) => ({ type: 'file', file: { file_id: id } }));
    const response = await post('/v1/chat/completions', { messages: [{ role: 'user', content }] });
    const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
    expect(choices[0]!.message.content).toBe((await ask('Summarise this.', [filmId, pdfId])).answer);
  });

  test('tells its progress, and is asked for by a flag too', async () => {
    const response = await post(
      '/v1/questions',
      { question: 'What is this about?', media: [pdfId], summary: true },
      { prefer: 'respond-async' },
    );
    const { id } = (await response.json()) as { id: string };
    const events = await (await fetch(`${api.url}/v1/jobs/${id}/events`)).text();
    expect(events).toMatch(/summarise/);
    expect(events).toMatch(/"percent":100/);
    const { result } = (await (await fetch(`${api.url}/v1/jobs/${id}`)).json()) as { result: Told };
    expect(result.answer).toMatch(/museum.*\[1\]/i);
    expect(result.citations.every(({ page }) => page !== null)).toBe(true);
  });
});

describe('questions about the whole', () => {
  test.each(['Transcribe this.', 'What is said in the video?', 'What does the speaker say?'])(
    '%s',
    async (question) => {
      const { answer, citations } = await ask(question, [filmId]);
      expect(answer).toBe(SAID.join(' '));
      expect(citations.map(({ quote }) => quote)).toEqual(SAID);
    },
  );

  test.each(['What is this about?', 'Tell me about these files.'])('%s', async (question) => {
    expect(await ask(question, [filmId, pdfId])).toMatchObject({
      answer: (await ask('Summarise this.', [filmId, pdfId])).answer,
    });
  });

  test('the decoder does not make up what is said where nothing is', async () => {
    const before = asked.length;
    expect((await ask('Transcribe this.', [pdfId])).answer).toBe(NOT_FOUND);
    expect(asked.length).toBe(before);
  });
});

describe('questions that the timeline answers', () => {
  test.each([
    ['Which comes first, the electric ferry or the old crane?', '“the old crane” comes first, at 00:18; the other is at 00:24.'],
    ['What is said right after the ferry Neptune is mentioned?', 'At 00:09: A bell rings at the pier.'],
    ['What is said at 00:13?', SAID[4]],
    ["I'd like to know how often a bell rings.", '2 times: at 00:09 and 00:21.'],
    ['When does the ferry Poseidon leave?', NOT_FOUND],
    ['What is said while a giraffe is shown?', NOT_FOUND],
    ['What is said at 12:00?', NOT_FOUND],
  ])('%s', async (question, answer) => {
    const before = asked.length;
    const told = await ask(question, [filmId]);
    expect(told.answer).toBe(answer);
    expect(told.citations.length > 0).toBe(answer !== NOT_FOUND);
    for (const { clip_url: clip } of told.citations) expect(clip).toContain('/clip?');
    expect(asked).toHaveLength(before);
  }); // prettier-ignore

  test('are answered at once in a stream', async () => {
    const stream = await (await post('/v1/questions', { question: 'How often does a bell ring?', media: [filmId], stream: true })).text(); // prettier-ignore
    expect(stream).toMatch(/event: token\ndata: \{"text":"2 times: at 00:09 and 00:21\."\}[^]*event: done/);
  });

  test('what asks several things is answered one by one', async () => {
    const { answer, citations } = await ask('What is said about the crane, the bag and the piers?', [filmId]);
    expect(answer.split('\n')).toEqual([
      `the crane: It is said: “${SAID[6]}”`,
      `the bag: It is said: “${SAID[5]}”`,
      `the piers: It is said: “${SAID[1]}”`,
    ]);
    expect(citations.map(({ start }) => start)).toEqual([18, 15, 3]);
  });
});

describe('an answer in a form', () => {
  const schema = { type: 'object', properties: { year: { type: 'integer' } }, required: ['year'] };

  test('is asked of the decoder with its JSON schema, which may be text of a form', async () => {
    // Without a schema this one is looked up.
    const question = 'How often does a bell ring?';
    await ask(question, [filmId], { json_schema: schema });
    expect(forms.at(-1)).toEqual(schema);
    const body = form({ question, media: filmId, json_schema: JSON.stringify(schema) }, []);
    expect((await fetch(`${api.url}/v1/questions`, { method: 'POST', body })).status).toBe(200);
    expect(forms.slice(-2)).toEqual([schema, schema]);
  });

  test.each([
    ['a word', 'year'],
    ['a list', '[1]'],
    ['half of one', '{'],
    ['one of 50,000 levels', `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`],
  ])('%s is no schema', async (_what, text) => {
    const response = await post('/v1/questions', { question: '?', media: [filmId], json_schema: text });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('json_schema');
  });
});

describe('a conversation', () => {
  const chat = async (turns: string[]): Promise<string> => {
    const messages = turns.map((text, i) => ({
      role: i % 2 ? 'assistant' : 'user',
      content:
        i === 0
          ? [
              { type: 'file', file: { file_id: filmId } },
              { type: 'text', text },
            ]
          : text,
    }));
    const body = (await (await post('/v1/chat/completions', { messages })).json()) as {
      choices: { message: { content: string } }[];
    };
    return body.choices[0]!.message.content;
  };

  test('keeps its media, and its questions point back', async () => {
    const first = 'What is said about the old crane?';
    const told = await chat([first]);
    expect(told).toContain(SAID[6]);
    expect(await chat([first, told, 'When is it mentioned?'])).toBe('At 00:18.');
    expect(await chat([first, told, 'When is it mentioned?', 'At 00:18.', 'And the electric ferry?'])).toBe(
      'At 00:24.',
    );
    expect(await chat(['How often does a bell ring?', '2 times: at 00:09 and 00:21.', 'What is said at the second one?'])).toBe(SAID[7]); // prettier-ignore
  });
});
