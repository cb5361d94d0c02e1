import { MOST_CHARACTERS } from './question.js';

/** A place in the material that a question names: pages and lines by their numbers, times in seconds, both inclusive. */
export type Place =
  | {
      by: 'page' | 'line' | 'time';
      from: number;
      to: number;
      /** Counted back: 0 is the last page, or the end. */
      fromEnd?: boolean;
      /** How the material itself would name it: then it may be what is told, and no place. */
      names: string[];
    }
  /** The beginning or the end, however long. */
  | { by: 'edge'; fromEnd: boolean };

export interface Placed {
  places: Place[];
  /** The question without them. */
  rest: string;
}

const NUMBERS = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
const ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth', 'tenth'];
const N = String.raw`(?:\d{1,5}|${NUMBERS.join('|')})\b`;
const UNITS: Record<string, { by: 'page' | 'line' | 'time'; size: number }> = {
  page: { by: 'page', size: 1 },
  slide: { by: 'page', size: 1 },
  sheet: { by: 'page', size: 1 },
  line: { by: 'line', size: 1 },
  second: { by: 'time', size: 1 },
  minute: { by: 'time', size: 60 },
  hour: { by: 'time', size: 3600 },
};
const IN = String.raw`(?:\b(?:on|in|at|of|from|to|within|during|over|for) )?`;
const SHEET = '(?:pages?|slides?|sheets?)';
const NUMBERED = `(?:${SHEET}|lines?)`;
const SPAN = String.raw`(?:to|through|until|till|-|–)`;
const CLOCK = String.raw`(?:\d{1,2}:)?\d{1,2}:\d{2}`;
const MOMENT = String.raw`(?:${CLOCK}|minutes? \d{1,3})`;
/** Three o'clock in the afternoon is no time of a medium, nor is one that something happens to. */
const OF_A_MEDIUM = String.raw`(?!\d|:\d| ?[ap]\.?m\b| ?o['’]?clock| (?:is|was|gets?)\b)`;
const MATERIAL = '(?:videos?|films?|movies?|clips?|recordings?|audio|podcast|talk|speech|lecture|interview|presentation|meeting|call|documents?|files?|text|report|article|paper|book|story|material)'; // prettier-ignore

type Groups = Record<string, string | undefined>;

const FORMS: [RegExp, (groups: Groups) => Place[]][] = [
  // "on page 3", "pages 3 to 5", "between page 3 and page 5", "lines 1, 2 and 7"
  [
    new RegExp(String.raw`(?:\b(?<how>between|after|before) |${IN})(?:the )?\b(?<unit>${NUMBERED}) (?:number )?(?<list>${N}(?:(?:,? (?:and|or) |, | ?${SPAN} ?)(?:${NUMBERED} )?${N})*)`, 'gi'), // prettier-ignore
    ({ how, unit = '', list = '' }) => numbered(unit, list, how?.toLowerCase()),
  ],
  // "on the third slide", "in the second minute"
  [
    new RegExp(String.raw`${IN}\bthe (?<nth>${ORDINALS.slice(1).join('|')}|\d+(?:st|nd|rd|th)) (?<unit>page|slide|sheet|second|minute|hour)\b`, 'gi'), // prettier-ignore
    ({ nth = '', unit = '' }) => {
      const { by, size } = unitOf(unit);
      const at = ORDINALS.indexOf(nth.toLowerCase()) + 1 || parseInt(nth, 10);
      return [{ by, from: by === 'time' ? size * (at - 1) : at, to: size * at, names: [`${nth} ${unit}`] }];
    },
  ],
  // "on the last page", "in the first 30 seconds", "after the first minute"; not "at the last minute"
  [
    new RegExp(String.raw`(?:\b(?<side>after|before) |${IN})(?<!\bat )\bthe (?:very )?(?<edge>first|opening|last|final) (?:(?<n>${N}) )?(?<unit>${SHEET}|seconds?|minutes?|hours?)\b`, 'gi'), // prettier-ignore
    atEdge,
  ],
  // "between 1:00 and 2:00", "from 1:00 to 2:00", "from minute 1 to 2"
  [
    new RegExp(String.raw`(?:\b(?:between|after) (?<a>${MOMENT}) and (?:before )?|(?:\b(?:from|in) )?\b(?<b>${MOMENT}) ?${SPAN} ?)(?<to>${CLOCK}|(?:minute )?\d{1,3}\b)${OF_A_MEDIUM}`, 'gi'), // prettier-ignore
    ({ a, b, to = '' }) => {
      const from = a ?? b ?? '';
      return [{ by: 'time', from: secondsOf(from), to: secondsOf(to), names: [from, to].map(nameOf) }];
    },
  ],
  // "after 1:30", "before 0:45"
  [
    new RegExp(String.raw`\b(?<side>after|from|before|until|till|up to) (?<at>${MOMENT})(?: on(?:wards?)?\b)?${OF_A_MEDIUM}`, 'gi'), // prettier-ignore
    ({ side = '', at = '' }) => {
      const seconds = secondsOf(at);
      const later = /^(?:after|from)$/i.test(side);
      return [{ by: 'time', from: later ? seconds : 0, to: later ? Infinity : seconds, names: [nameOf(at)] }];
    },
  ],
  // "What is said at the end?"; not "the end of March", nor who "is at the end" of a row
  [
    new RegExp(String.raw`(?<!\b(?:is|are|was|were|stands?|lives?) )\b(?:at|in|near|towards?) the (?:very )?(?<edge>beginning|start|end)(?: of (?:the|this|that|my|our) ${MATERIAL})?(?=\s*(?:[?.!,;]|$))`, 'gi'), // prettier-ignore
    ({ edge = '' }) => [{ by: 'edge', fromEnd: edge.toLowerCase() === 'end' }],
  ],
];

const unitOf = (unit: string) => UNITS[unit.toLowerCase().replace(/s$/, '')]!;
const numberOf = (text: string): number => NUMBERS.indexOf(text.toLowerCase()) + 1 || Number(text);

/** Of a clock; a number alone counts minutes. */
const secondsOf = (moment: string): number =>
  moment.includes(':')
    ? moment.split(':').reduce((total, part) => 60 * total + Number(part), 0)
    : 60 * Number(/\d+/.exec(moment)?.[0]);

const nameOf = (moment: string): string => (/^\d+$/.test(moment) ? `minute ${moment}` : moment);

function numbered(unit: string, list: string, how: string | undefined): Place[] {
  const { by } = unitOf(unit);
  const one = unit.replace(/s$/i, '');
  const items = how === 'between' ? [list] : list.split(/,? (?:and|or) |, /);
  return items.map((item): Place => {
    const numbers = (item.match(new RegExp(String.raw`\b${N}`, 'gi')) ?? []).map(numberOf);
    const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
    const from = how === 'after' ? last + 1 : how === 'before' ? 1 : first;
    const to = how === 'after' ? Infinity : how === 'before' ? first - 1 : last;
    return { by, from, to, names: numbers.map((n) => `${one} ${n}`) };
  });
}

/** "In the last minutes". */
const A_FEW = 3;

function atEdge({ side, edge = '', n, unit = '' }: Groups): Place[] {
  const { by, size } = unitOf(unit);
  const fromEnd = /^(?:last|final)$/i.test(edge);
  const names = [`${edge} ${n === undefined ? '' : `${n} `}${unit}`];
  const some = /s$/i.test(unit) ? A_FEW : 1;
  const many = size * (n === undefined ? some : numberOf(n));
  // Pages are counted from 1, and back from 0; times go on where others end.
  const first = by === 'page' && !fromEnd ? 1 : 0;
  const last = by === 'page' && fromEnd ? many - 1 : many;
  const beyond = side?.toLowerCase() === (fromEnd ? 'before' : 'after');
  const [from, to] = beyond ? [by === 'page' ? last + 1 : last, Infinity] : [first, last];
  return [{ by, from, to, fromEnd, names }];
}

/** The places that a question asks about, in its words. */
export function placed(question: string): Placed {
  if (question.length > MOST_CHARACTERS) return { places: [], rest: question };
  const places: Place[] = [];
  const rest = FORMS.reduce(
    (text, [form, read]) =>
      text.replace(form, (...match) => {
        places.push(...read(match.at(-1) as Groups));
        return ' ';
      }),
    question,
  );
  if (places.length === 0) return { places, rest: question };
  return { places, rest: rest.replace(/\s+/g, ' ').replace(/ (?=[?.!,;])/g, '').trim() }; // prettier-ignore
}
