import { extname } from 'node:path';
import type { Medium } from '#contracts';

/** A composed medium under the name that the user gave it; `segments`: the blob of its timeline. */
export interface Given {
  medium: Medium;
  segments: string;
}

/** Media in their order: what was given twice counts once, and no two files have one name, since answers and citations name them. */
export function toldApart(given: readonly Given[]): Given[] {
  const isSame = (a: Given, b: Given): boolean => a.medium.id === b.medium.id && a.segments === b.segments;
  const once = given.filter((each, i) => given.findIndex((other) => isSame(each, other)) === i);
  const taken = new Set(once.map(({ medium }) => medium.name));
  const names = new Map<string, string>();
  for (const { id, name } of once.map(({ medium }) => medium)) {
    // Two parts of one file go by its name.
    if (names.has(id)) continue;
    const own = [...names.values()].includes(name) ? numbered(name, taken) : name;
    taken.add(own);
    names.set(id, own);
  }
  return once.map(({ medium, segments }) => ({
    medium: { ...medium, name: names.get(medium.id) ?? medium.name },
    segments,
  }));
}

/** `photo-2.jpg`, or the next number that is free. */
function numbered(name: string, taken: ReadonlySet<string>): string {
  const ending = extname(name);
  const stem = name.slice(0, name.length - ending.length);
  for (let n = 2; ; n++) {
    const candidate = `${stem}-${n}${ending}`;
    if (!taken.has(candidate)) return candidate;
  }
}
