import { stem } from './lexical.js';
import { wordNet, type WordNet } from './word-net.js';

/** How much a word tells of another one that means something near to it; a step to what is more general tells less. */
const NAME = 0.95;
const PART_OF_NAME = 0.85;
const STEP = 0.94;
/** A dog is an animal, however many steps zoology puts between them. */
const MOST_STEPS = 6;
/** Relations weaker than this are chance: chosen on development films (docs/decisions/0042-related-words.md). */
const LEAST = 0.62;
/** What is asked for may be told by a more general word, up to three steps: "food" for "pizza". */
const LEAST_GENERAL = 0.75;
const GENERAL = 0.8;

/** All meanings from a word upwards, with the least number of steps to each. */
function upwards(from: readonly number[], net: WordNet): Map<number, number> {
  const steps = new Map(from.map((number) => [number, 0]));
  for (const [number, step] of steps)
    for (const above of net.meaning(number).above) if (!steps.has(above)) steps.set(above, step + 1);
  return steps;
}

/** What a word asks for, and how much others tell of it. */
export class Wanted {
  /** It, its singular, and what derives from it. */
  private readonly forms: Set<string>;
  private readonly stems: Set<string>;
  /** What it is a kind of, and how much that tells. */
  private readonly general = new Map<string, number>();
  private readonly known = new Map<string, number>();
  private readonly steps = new Map<number, Steps>();

  constructor(
    word: string,
    private readonly net = wordNet(),
  ) {
    const noun = net.noun(word);
    this.forms = new Set([word, ...(noun ? [noun.word, ...noun.derived] : [])]);
    this.stems = new Set([...this.forms].map(stem));
    for (const [number, step] of upwards(noun?.meanings ?? [], net))
      for (const name of net.meaning(number).names)
        this.general.set(name, Math.max(this.general.get(name) ?? 0, NAME * STEP ** step));
  }

  /** 0 to 1: the word itself, one that derives from it, a kind of it ("bus" of "vehicle", "drum" of "music"), or what it is a kind of. */
  toldBy(word: string): number {
    const known = this.known.get(word);
    if (known !== undefined) return known;
    const told = this.find(word);
    this.known.set(word, told);
    return told;
  }

  private find(word: string): number {
    if (this.stems.has(stem(word))) return NAME;
    const noun = this.net.noun(word);
    if (!noun) return 0;
    const steps = nearest(noun.meanings.map((number) => this.stepsFrom(number)));
    const most = Math.max(
      steps.toName === Infinity ? 0 : NAME * STEP ** Math.min(steps.toName, MOST_STEPS),
      PART_OF_NAME * STEP ** steps.toPart,
    );
    if (most >= LEAST) return most;
    const general = this.general.get(noun.word) ?? 0;
    return general >= LEAST_GENERAL ? GENERAL * general : 0;
  }

  /** How far above a meaning one stands that has the word in its name. Known meanings are not walked again. */
  private stepsFrom(number: number): Steps {
    const known = this.steps.get(number);
    if (known) return known;
    const { names, parts, above } = this.net.meaning(number);
    const next = nearest(above.map((each) => this.stepsFrom(each)));
    const steps = {
      toName: names.some((name) => this.forms.has(name)) ? 0 : next.toName + 1,
      toPart: parts.some((part) => this.forms.has(part)) ? 0 : next.toPart + 1,
    };
    this.steps.set(number, steps);
    return steps;
  }
}

/** Infinite where nothing above has it. */
interface Steps {
  toName: number;
  toPart: number;
}

const nearest = (all: Steps[]): Steps => ({
  toName: Math.min(...all.map(({ toName }) => toName)),
  toPart: Math.min(...all.map(({ toPart }) => toPart)),
});
