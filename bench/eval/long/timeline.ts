import { Random } from '../mosaic/random.js';

export type Kind = 'fact' | 'three keys' | 'count' | 'order' | 'absent';

/** One question whose answer is known. */
export interface Question {
  kind: Kind;
  text: string;
  /** The same in other words. */
  again: string;
  /** Everything that a right answer contains; empty where the right answer is that it is not there. */
  values: string[];
  /** What a right answer does not contain. */
  without?: string[];
  /** Lines it rests on. */
  lines: number[];
}

export interface Timeline {
  /** As the product writes them: `[mm:ss] text`, or `[mm:ss] Picture: text`, each with its line feed. */
  lines: string[];
  questions: Question[];
}

interface Fact {
  key: string;
  statement: string;
  question: string;
  again: string;
  value: string;
}

const PROJECTS = 'Amber Bronze Cypress Denali Everest Fennel Garnet Hazel Ivory Jade Kiwi Laurel Marble Nectar Olive Poppy Ruby Sorrel Thistle Ursa Vesta Wicker Yarrow Zinnia'.split(' '); // prettier-ignore
const PEOPLE = 'Agnes Benno Cilla Dario Edwin Freya Gustav Helga Igor Judith Klaus Lydia Moritz Nadia Otto Petra Ralf Silke Theo Ulla'.split(' '); // prettier-ignore
const CITIES = 'Bergen Cologne Dakar Ghent Izmir Kyoto Leipzig Malmo Nice Porto Quito Riga Seville Turin Utrecht'.split(' '); // prettier-ignore
const EVENTS = [
  { line: 'The bell rings.', question: 'How many times does the bell ring?', again: 'How often is the bell ringing?' },
  { line: 'A whistle blows.', question: 'How many times does a whistle blow?', again: 'Count how often a whistle blows.' },
  { line: 'The crowd applauds.', question: 'How many times does the crowd applaud?', again: 'On how many occasions did the crowd applaud?' },
]; // prettier-ignore

const KINDS: ((random: Random, key: string) => Fact)[] = [
  (random, key) => {
    const value = String(1000 + Math.floor(random.next() * 9000));
    const [statement, question] = [`The code for project ${key} is ${value}.`, `What is the code for project ${key}?`];
    return { key, statement, question, again: `Could you tell me project ${key}'s code?`, value };
  },
  (random, key) => {
    const value = random.pick(CITIES);
    const [statement, question] = [`${key} was born in ${value}.`, `Where was ${key} born?`];
    return { key, statement, question, again: `In which city was a person called ${key} born?`, value };
  },
  (random, key) => {
    const value = `${1 + Math.floor(random.next() * 12)}:${random.pick(['05', '15', '20', '40', '50'])}`;
    const [statement, question] = [`The ${key} meeting starts at ${value}.`, `When does the ${key} meeting start?`];
    return {
      key,
      statement,
      question,
      again: `I'd like to know at what hour the meeting of the ${key} is starting.`,
      value,
    };
  },
];

const FACTS = 8;
const ABSENT = 4;

/**
 * A timeline of about `tokens` tokens from a seed: sentences in random order, facts, three codes and one event that
 * repeats, at random places, and questions about them.
 */
export function makeTimeline(
  seed: number,
  tokens: number,
  sentences: readonly string[],
  count: (text: string) => number,
): Timeline {
  const random = new Random(seed);
  const texts: { text: string; picture: boolean; mark?: string }[] = [];
  for (let total = 0; total < tokens;) {
    const text = random.pick(sentences);
    const picture = random.next() < 0.5;
    texts.push({ text, picture });
    total += count(text) + (picture ? 11 : 9);
  }
  const names = [
    random.shuffle(PROJECTS),
    random.shuffle(PEOPLE),
    random.shuffle(PROJECTS.map((name) => `${name} team`)),
  ];
  const next = (kind: number): Fact => KINDS[kind]!(random, names[kind]!.pop()!);
  const facts = Array.from({ length: FACTS }, (_, i) => next(i % KINDS.length));
  const codes = [next(0), next(0), next(0)];
  const absent = Array.from({ length: ABSENT }, (_, i) => next(i % KINDS.length));
  const event = random.pick(EVENTS);
  const repeats = 2 + Math.floor(random.next() * 3);
  const hidden = [
    ...[...facts, ...codes].map(({ key, statement }) => ({ text: statement, mark: key })),
    ...Array.from({ length: repeats }, () => ({ text: event.line, mark: 'event' })),
  ];
  for (const item of hidden)
    texts.splice(Math.floor(random.next() * (texts.length + 1)), 0, { ...item, picture: false });
  let seconds = 0;
  const lines = texts.map(({ text, picture }) => {
    seconds += 1 + Math.floor(random.next() * 8);
    return `[${stamp(seconds)}] ${picture ? 'Picture: ' : ''}${text}\n`;
  });
  const at = (mark: string): number[] => texts.flatMap((item, i) => (item.mark === mark ? [i] : []));
  const single = facts.map(({ key, question, again, value }): Question => ({
    kind: 'fact',
    text: question,
    again,
    values: [value],
    lines: at(key),
  }));
  const keys = codes.map(({ key }) => `project ${key}`);
  const orders = [0, 1, 2].map((i): Question => {
    const pair = [facts[i]!, facts[i + 3]!];
    const [first, second] = pair
      .sort((a, b) => at(a.key)[0]! - at(b.key)[0]!)
      .map(({ statement }) => statement.replace(/\.$/, ''));
    const asked = random.shuffle(pair).map(({ statement }) => statement.replace(/\.$/, ''));
    return {
      kind: 'order',
      text: `Which comes first: "${asked[0]}" or "${asked[1]}"?`,
      again: `Which of the two was said earlier, that ${asked[0]} or that ${asked[1]}?`,
      values: [first!],
      without: [second!],
      lines: pair.flatMap(({ key }) => at(key)),
    };
  });
  return {
    lines,
    questions: [
      ...single,
      {
        kind: 'three keys',
        text: `What are the codes for ${keys[0]}, ${keys[1]} and ${keys[2]}?`,
        again: `Please give me the code of ${keys[0]}, that of ${keys[1]} and that of ${keys[2]}.`,
        values: codes.map(({ value }) => value),
        lines: codes.flatMap(({ key }) => at(key)),
      },
      { kind: 'count', text: event.question, again: event.again, values: [String(repeats)], lines: at('event') },
      ...orders,
      ...absent.map(({ question, again }): Question => ({
        kind: 'absent',
        text: question,
        again,
        values: [],
        lines: [],
      })),
    ],
  };
}

const NOT_FOUND = /can't find/i;

export function isRight(question: Question, answer: string): boolean {
  if (question.values.length === 0) return NOT_FOUND.test(answer);
  if (NOT_FOUND.test(answer)) return false;
  const text = answer.toLowerCase();
  if (question.without?.some((value) => text.includes(value.toLowerCase()))) return false;
  const found = question.values.map((value) => text.indexOf(value.toLowerCase()));
  if (found.some((at) => at < 0)) return false;
  // Whole numbers only ("4" is not in "14"), and keys in the order they were asked for.
  const whole = question.values.every((value) =>
    new RegExp(`(?<![\\w:])${escape(value.toLowerCase())}(?![\\w:])`).test(text),
  );
  return whole && found.every((at, i) => i === 0 || at > found[i - 1]!);
}

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function stamp(seconds: number): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${two(m)}:${two(s)}`;
}
