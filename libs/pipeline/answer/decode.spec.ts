import { expect, test } from 'vitest';
import { HeldTokens, type Token } from './decode.js';

function handedOn(texts: string[], flush: boolean): string[] {
  const emitted: string[] = [];
  const refusal = "I can't find that.";
  const tokens = new HeldTokens(
    ({ text }: Token) => emitted.push(text),
    (text) => refusal.startsWith(text.trim()),
  );
  for (const text of texts) tokens.push({ type: 'token', text });
  if (flush) tokens.flush();
  return emitted;
}

test('a refusal is kept back, and what only begins like one is handed on whole', () => {
  expect(handedOn(['I', " can't", ' find', ' that.'], false)).toEqual([]);
  expect(handedOn(['I', ' am', ' here.'], false)).toEqual(['I', ' am', ' here.']);
  expect(handedOn(['I', " can't"], true)).toEqual(['I', " can't"]);
});
