/** Over fewer pages nothing can be said to repeat. */
const MIN_PAGES = 4;

/**
 * Pages without what is printed on every one of them: page numbers on their own, and a first or last paragraph that,
 * but for its numbers, stands on more than half of the pages.
 */
export function withoutFurniture<T extends { text: string }>(pages: T[][]): T[][] {
  const counts = new Map<string, number>();
  for (const page of pages)
    for (const edge of new Set(edges(page).map(shape))) counts.set(edge, (counts.get(edge) ?? 0) + 1);
  const repeats = (text: string): boolean =>
    pages.length >= MIN_PAGES && (counts.get(shape(text)) ?? 0) > pages.length / 2;
  return pages.map((page) =>
    page.filter(({ text }, index) => {
      const edge = index === 0 || index === page.length - 1;
      return !(edge && page.length > 1 && (isNumber(text) || repeats(text)));
    }),
  );
}

const edges = (page: readonly { text: string }[]): string[] =>
  [page[0], page.at(-1)].flatMap((each) => each?.text ?? []);
const shape = (text: string): string => text.replace(/\d+/g, '#');
/** A page number, Arabic or Roman, with or without dashes or the number of pages. */
const isNumber = (text: string): boolean => /^[-–—\s]*(\d{1,4}|[ivxl]{1,6})(\s*(\/|of)\s*\d{1,4})?[-–—\s]*$/.test(text);
