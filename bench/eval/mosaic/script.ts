import { ABSENT, EVENTS, facts, noteFacts, slideFacts, type Fact } from './facts.js';
import type { Random } from './random.js';

/** A photograph of the data and the thing that its captions agree on. */
export interface Photograph {
  file: string;
  thing: string;
}

/** What is seen and said for a while. */
export interface Scene {
  picture?: Photograph;
  /** Lines of a slide. */
  slide?: string[];
  said: string;
}

export const KINDS = ['said', 'slide', 'document', 'when said', 'when shown', 'while', 'how often', 'absent'] as const;
export type QuestionKind = (typeof KINDS)[number];

export interface Question {
  kind: QuestionKind;
  text: string;
  /** Groups of spellings that a right answer has; for "when" and "absent" none. */
  answer: string[][];
  /** Scenes that the answer rests on; any of them may be cited. */
  scenes: number[];
  /** Line of the notes, from 1, that it rests on. */
  line?: number;
}

export interface Script {
  name: string;
  scenes: Scene[];
  notes: string[];
  questions: Question[];
}

/** One short film with spoken facts, photographs, slides and a page of notes, and ten questions about it. */
export function writeScript(index: number, random: Random, photographs: Photograph[]): Script {
  const said = facts(random, 5);
  const [budget, leader, ...closing] = random.shuffle(slideFacts(random));
  const notes = noteFacts(random);
  const event = EVENTS[index % EVENTS.length] as (typeof EVENTS)[number];
  const times = 2 + (index % 2);
  const pictures = differentThings(random.shuffle(photographs), 5);
  if (!budget || !leader || pictures.length < 5) throw new RangeError('too little to write a script from');

  const scenes: Scene[] = [
    {
      slide: ['Annual report', budget.statement, leader.statement],
      said: 'Welcome everybody to this short presentation.',
    },
    ...pictures.map((picture, i) => ({ picture, said: (said[i] as Fact).statement })),
  ];
  const [first, second] = [2, 4];
  scenes.splice(first, 0, { picture: pictures[0] as Photograph, said: event.said });
  scenes.splice(second, 0, { picture: pictures[1] as Photograph, said: event.said });
  if (times === 3) scenes.push({ slide: ['Plans for spring'], said: event.said });
  scenes.push({
    slide: ['Thank you', ...closing.map((fact) => fact.statement)],
    said: 'That is all for today. Goodbye.',
  });

  const where = (statement: string): number[] => scenes.flatMap((scene, i) => (scene.said === statement ? [i] : []));
  const [a, b, c, d] = said as [Fact, Fact, Fact, Fact];
  const last = pictures[4] as Photograph;
  const shown = scenes.findIndex((scene) => scene.picture === last);
  const asked = random.pick(closing);
  const noted = random.pick(notes);
  return {
    name: `film-${index + 1}`,
    scenes,
    notes: ['Notes for visitors', '', ...notes.map((fact) => fact.statement)],
    questions: [
      { kind: 'said', text: a.question, answer: a.answer, scenes: where(a.statement) },
      { kind: 'said', text: b.question, answer: b.answer, scenes: where(b.statement) },
      { kind: 'slide', text: budget.question, answer: budget.answer, scenes: [0] },
      { kind: 'slide', text: asked.question, answer: asked.answer, scenes: [scenes.length - 1] },
      { kind: 'document', text: noted.question, answer: noted.answer, scenes: [], line: 3 + notes.indexOf(noted) },
      { kind: 'when said', text: `When is something said about ${c.about}?`, answer: [], scenes: where(c.statement) },
      { kind: 'when shown', text: `When is a ${last.thing} shown?`, answer: [], scenes: [shown] },
      {
        kind: 'while',
        text: `What is said while a ${last.thing} is shown?`,
        answer: contentWords((scenes[shown] as Scene).said),
        scenes: [shown],
      },
      index % 2 === 0
        ? { kind: 'how often', text: event.question, answer: [countSpellings(times)], scenes: where(event.said) }
        : {
            kind: 'when said',
            text: `When is something said about ${d.about}?`,
            answer: [],
            scenes: where(d.statement),
          },
      { kind: 'absent', text: ABSENT[index % ABSENT.length] as string, answer: [], scenes: [] },
    ],
  };
}

function differentThings(photographs: Photograph[], count: number): Photograph[] {
  const byThing = new Map(photographs.map((photograph) => [photograph.thing, photograph]));
  return [...byThing.values()].slice(0, count);
}

const countSpellings = (times: number): string[] =>
  times === 2 ? ['2', 'two', 'twice'] : [String(times), 'three', 'three times'];

const FUNCTION_WORDS = new Set('a an the is are was were at in on to of will there and'.split(' '));

/** The words of a sentence that carry it, each a group of its own. */
function contentWords(sentence: string): string[][] {
  return (sentence.toLowerCase().match(/[a-z]+/g) ?? []).filter((word) => word.length > 2 && !FUNCTION_WORDS.has(word)).map((word) => [word]); // prettier-ignore
}

const THINGS = 'dog cat train pizza giraffe elephant zebra horse bus boat airplane clock bear cow bench'.split(' ');

/** Photographs whose captions nearly all name one thing of the list, and no other. */
export function plainPhotographs(items: { file: string; captions: string[] }[]): Photograph[] {
  return items.flatMap(({ file, captions }) => {
    const named = THINGS.map((thing) => ({
      thing,
      count: captions.filter((caption) => new RegExp(`\\b${thing}(s|es)?\\b`, 'i').test(caption)).length,
    })).filter(({ count }) => count > 0);
    const [only] = named;
    return named.length === 1 && only && only.count >= captions.length - 1 ? [{ file, thing: only.thing }] : [];
  });
}
