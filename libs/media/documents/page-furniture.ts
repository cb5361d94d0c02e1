/** Over fewer pages nothing can be said to repeat. */
const MIN_PAGES = 4;
/** Numbers that keep step with as many pages are no coincidence. */
const MIN_NUMBERED = 3;
/** A longer paragraph is no header. */
const MAX_HEADER = 200;

const NUMBER = String.raw`(\d{1,3}|[ivxl]{1,6})`;
const TOTAL = String.raw`(?:\s?(?:\/|of|von|sur|de)\s?\d{1,4})?`;
const PAGE = String.raw`(?:page|pg\.?|p\.|seite|s\.|p[áa]gina|p[áa]g\.)\s?`;
const BAR = String.raw`\s?[|·•]\s?`;
/** Page numbers, as what stands before, the number and what follows. "Day 3" and "Total: 3" are none: they say something. */
const ALONE = new RegExp(String.raw`^([-–—\s]*(?:${PAGE})?)${NUMBER}(${TOTAL}[-–—\s]*)$`, 'i');
const AFTER_TITLE = new RegExp(String.raw`^(.+(?:${BAR}(?:${PAGE})?|[\s,(]${PAGE}))${NUMBER}(${TOTAL}\)?)$`, 'i');
const BEFORE_TITLE = new RegExp(String.raw`^((?:${PAGE})?)${NUMBER}(${TOTAL}${BAR}.+)$`, 'i');

/** What may make a paragraph furniture, if it is found on enough pages: the same words, or a page number with a title or alone. */
interface Mark {
  kind: 'same' | 'titled' | 'alone';
  key: string;
}

/**
 * Pages without what is printed on every one of them: a first or last paragraph that stands word for word on more than
 * half of the pages, and page numbers that grow with the pages. Words stay where they stand first: they may be the title.
 */
export function withoutFurniture<T extends { text: string }>(pages: T[][]): T[][] {
  const counts = new Map<string, number>();
  pages.forEach((page, index) => {
    const keys = edges(page).flatMap((text) => marks(text, index).map(({ key }) => key));
    for (const key of new Set(keys)) counts.set(key, (counts.get(key) ?? 0) + 1);
  });
  const least: Record<Mark['kind'], number> = {
    same: pages.length < MIN_PAGES ? Infinity : Math.floor(pages.length / 2) + 1,
    titled: MIN_NUMBERED,
    // Of many pages that end with some figure, a few keep step by chance.
    alone: Math.max(MIN_NUMBERED, pages.length / 4),
  };
  const told = new Set<string>();
  const isFurniture = (text: string, index: number): boolean => {
    const mark = marks(text, index).find(({ kind, key }) => (counts.get(key) ?? 0) >= least[kind]);
    if (!mark) return false;
    const isFirst = mark.kind !== 'alone' && !told.has(mark.key);
    told.add(mark.key);
    return !isFirst;
  };
  return pages.map((page, index) =>
    page.filter(({ text }, at) => {
      const edge = at === 0 || at === page.length - 1;
      return !(edge && page.length > 1 && isFurniture(text, index));
    }),
  );
}

const edges = (page: readonly { text: string }[]): string[] =>
  [page[0], page.at(-1)].flatMap((each) => each?.text ?? []);

function marks(text: string, index: number): Mark[] {
  // Figures alone are what a page says, even if the next says the same.
  const found: Mark[] = /\p{L}/u.test(text) ? [{ kind: 'same', key: text }] : [];
  if (text.length > MAX_HEADER) return found;
  const alone = ALONE.exec(text);
  const [, before = '', digits = '', after = ''] = alone ?? AFTER_TITLE.exec(text) ?? BEFORE_TITLE.exec(text) ?? [];
  const number = /^\d/.test(digits) ? Number(digits) : roman(digits);
  if (number > 0) found.push({ kind: alone ? 'alone' : 'titled', key: `${before}#${number - index}#${after}` });
  return found;
}

const ROMAN: Record<string, number> = { i: 1, v: 5, x: 10, l: 50 };

/** Not a number in capitals: those count chapters. */
function roman(letters: string): number {
  const values = [...letters].map((letter) => ROMAN[letter] ?? NaN);
  return values.reduce((sum, value, at) => sum + (value < (values[at + 1] ?? 0) ? -value : value), 0);
}
