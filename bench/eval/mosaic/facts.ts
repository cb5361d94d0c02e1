import type { Random } from './random.js';

/** One statement with a question that it answers. `answer`: each group is one thing to say, in any of its spellings. */
export interface Fact {
  statement: string;
  question: string;
  answer: string[][];
  /** What it is about, for "When …" and "What was said about …". */
  about: string;
}

const PEOPLE = ['Alma', 'Bruno', 'Clara', 'Daniel', 'Edith', 'Felix', 'Harold', 'Martha', 'Oliver', 'Sophie'];
const CITIES = ['Amsterdam', 'Barcelona', 'Denver', 'Florence', 'Hamburg', 'Melbourne', 'Montreal', 'Stockholm'];
const COLOURS = ['yellow', 'green', 'orange', 'purple', 'white'];
const NUMBERS = ['two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'];
const PLACES = ['kitchen', 'office', 'train', 'restaurant', 'library'];
const INSTRUMENTS = ['piano', 'trumpet', 'drums', 'flute'];

/** A number by its word or by its digits. */
export const spellings = (word: string): string[] => [word, String(NUMBERS.indexOf(word) + 2)];

const FACTS: ((random: Random) => Fact)[] = [
  (random) => {
    const [who, hour] = [random.pick(PEOPLE), random.pick(NUMBERS)];
    const statement = `${who} will arrive at the station at ${hour} o'clock.`;
    return { statement, question: `At what time will ${who} arrive?`, answer: [spellings(hour)], about: 'the station' };
  },
  (random) => {
    const price = random.pick(NUMBERS);
    const statement = `A bowl of tomato soup costs ${price} dollars.`;
    return { statement, question: 'How much does the soup cost?', answer: [spellings(price)], about: 'the soup' };
  },
  (random) => {
    const count = random.pick(NUMBERS);
    const statement = `There are ${count} apple trees in the garden.`;
    return {
      statement,
      question: 'How many apple trees are in the garden?',
      answer: [spellings(count)],
      about: 'the apple trees',
    };
  },
  (random) => {
    const [who, place] = [random.pick(PEOPLE), random.pick(PLACES)];
    const statement = `${who} forgot the umbrella in the ${place}.`;
    return { statement, question: `Where did ${who} forget the umbrella?`, answer: [[place]], about: 'the umbrella' };
  },
  (random) => {
    const city = random.pick(CITIES);
    const statement = `The workshop will move to ${city} next year.`;
    return { statement, question: 'Where will the workshop move next year?', answer: [[city]], about: 'the workshop' };
  },
  (random) => {
    const who = random.pick(PEOPLE);
    const statement = `The winner of the bicycle race was ${who}.`;
    return { statement, question: 'Who won the bicycle race?', answer: [[who]], about: 'the bicycle race' };
  },
  (random) => {
    const colour = random.pick(COLOURS);
    const statement = `The front door was painted ${colour} last week.`;
    return {
      statement,
      question: 'What colour was the front door painted?',
      answer: [[colour]],
      about: 'the front door',
    };
  },
  (random) => {
    const [who, instrument] = [random.pick(PEOPLE), random.pick(INSTRUMENTS)];
    const statement = `${who} plays the ${instrument} every evening.`;
    return { statement, question: `What does ${who} play every evening?`, answer: [[instrument]], about: 'the music' };
  },
];

/** Facts about different things, in a random order. */
export function facts(random: Random, count: number): Fact[] {
  return random.shuffle(FACTS).slice(0, count).map((make) => make(random)); // prettier-ignore
}

/** Something that happens several times: what is said each time, and how it is asked for. */
export const EVENTS = [
  { said: 'Now the doorbell rings.', question: 'How often does the doorbell ring?', when: 'When does the doorbell ring for the first time?' },
  { said: 'A rooster crows outside.', question: 'How often does a rooster crow?', when: 'When does a rooster crow for the first time?' },
  { said: 'Everybody in the room laughs.', question: 'How often does everybody laugh?', when: 'When does everybody laugh for the first time?' },
]; // prettier-ignore

/** About what no film speaks. */
export const ABSENT = [
  'Who repaired the lighthouse?',
  'What is the name of the submarine captain?',
  'How deep is the coal mine?',
  'Which language do the astronauts learn?',
  'Where was the stolen violin sold?',
];

/** What a slide says, and how it is asked for. */
export function slideFacts(random: Random): Fact[] {
  const [leader, city, day] = [random.pick(PEOPLE), random.pick(CITIES), random.pick(['Monday', 'Tuesday', 'Friday'])];
  const budget = String(1000 + 100 * Math.floor(random.next() * 80));
  const fact = (statement: string, question: string, answer: string): Fact => ({
    statement,
    question,
    answer: [[answer]],
    about: statement,
  });
  return [
    fact(`Budget: ${budget} dollars`, 'What is the budget?', budget),
    fact(`Project leader: ${leader}`, 'Who is the project leader?', leader),
    fact(`Next meeting: ${day}`, 'On which day is the next meeting?', day),
    fact(`Office: ${city}`, 'In which city is the office?', city),
  ];
}

export function noteFacts(random: Random): Fact[] {
  const [floor, bus] = [random.pick(NUMBERS), String(10 + Math.floor(random.next() * 80))];
  return [
    {
      statement: `The keys are kept on floor ${floor}.`,
      question: 'On which floor are the keys kept?',
      answer: [spellings(floor)],
      about: 'the keys',
    },
    {
      statement: `Bus number ${bus} goes to the airport.`,
      question: 'Which bus goes to the airport?',
      answer: [[bus]],
      about: 'the bus',
    },
  ];
}
