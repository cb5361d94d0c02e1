/** Escapes that JSON has and PostgreSQL's text has not: zero characters and halves of surrogate pairs. A lone `\\` is no escape of either. */
const UNSTORABLE = /\\(?:\\|u0000|ud[89a-f][0-9a-f]{2})/g;

/**
 * JSON that PostgreSQL stores as jsonb, for what files and models say: what is no Unicode text becomes U+FFFD. Whole pairs are
 * no escapes in what JSON.stringify writes (ECMA-262, 25.5.2).
 */
export const storableJson = (value: unknown): string =>
  JSON.stringify(value).replace(UNSTORABLE, (escape) => (escape === '\\\\' ? escape : '\ufffd'));

/** The same as a value; itself when nothing has to change. */
export function storable<T>(value: T): T {
  const json = JSON.stringify(value) as string | undefined;
  if (json === undefined || !/\\u(0000|d[89a-f])/.test(json)) return value;
  return JSON.parse(storableJson(value)) as T;
}
