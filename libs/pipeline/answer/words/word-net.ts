import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { projectRoot } from '#runtime';

/** One meaning: what it is called, and the more general ones. */
export interface Meaning {
  /** Its names; of a name of several words the last. */
  names: string[];
  /** Words that stand before the last in names of several: an instrument that is "musical". */
  parts: string[];
  above: number[];
}

export interface Noun {
  /** Its singular. */
  word: string;
  meanings: number[];
  /** Words that derive from it: "musical" from "music". */
  derived: string[];
}

/** Nouns and their meanings as WordNet relates them (packs/words). Rows are parsed when they are asked for: the table stays one string. */
export class WordNet {
  private readonly starts: Uint32Array;
  private readonly nouns: number;

  /** @param table form in packs/words/README.md */
  constructor(private readonly table: string) {
    const starts: number[] = [];
    for (let at = 0; at < table.length; at = table.indexOf('\n', at) + 1) starts.push(at);
    this.starts = Uint32Array.from(starts);
    this.nouns = Number(this.row(0)[0]);
  }

  /** Of a word in its singular or plural. */
  noun(word: string): Noun | undefined {
    const forms = [word, word.replace(/s$/, ''), word.replace(/es$/, ''), word.replace(/ies$/, 'y')];
    for (const form of new Set(forms)) {
      const noun = this.find(form);
      if (noun) return noun;
    }
    return undefined;
  }

  private find(noun: string): Noun | undefined {
    let [low, high] = [1, this.nouns];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const start = this.starts[middle]!;
      const word = this.table.slice(start, this.table.indexOf('\t', start));
      if (word < noun) low = middle + 1;
      else if (word > noun) high = middle - 1;
      else {
        const [, meanings = '', derived = ''] = this.row(middle);
        return { word, meanings: split(meanings).map(Number), derived: split(derived) };
      }
    }
    return undefined;
  }

  meaning(number: number): Meaning {
    const [names = '', above = ''] = this.row(1 + this.nouns + number);
    const all = split(names);
    return {
      names: all.filter((name) => !name.startsWith(PART)),
      parts: all.filter((name) => name.startsWith(PART)).map((name) => name.slice(1)),
      above: split(above).map(Number),
    };
  }

  private row(at: number): string[] {
    return this.table.slice(this.starts[at], (this.starts[at + 1] ?? this.table.length) - 1).split('\t');
  }
}

const PART = '~';
const split = (list: string): string[] => (list === '' ? [] : list.split(' '));

let loaded: WordNet | undefined;

/** Read once, by the first question that no line holds the words of: 15 ms and 2 MB that others do not pay. */
export function wordNet(): WordNet {
  loaded ??= new WordNet(gunzipSync(readFileSync(join(projectRoot(), 'packs/words/words.txt.gz'))).toString('latin1'));
  return loaded;
}
