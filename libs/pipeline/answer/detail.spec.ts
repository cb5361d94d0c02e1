import { expect, test } from 'vitest';
import { AUTO_DETAIL, detailOf } from './detail.js';

test('auto is what its prompt is best served by, and what is asked for stands', () => {
  const caption = { type: 'describe' as const };
  const questions = [
    { type: 'describe' as const, instruction: 'Name the colours.' },
    { type: 'ask' as const, question: 'Who?' },
    { type: 'chat' as const, messages: [{ role: 'user' as const, content: 'Who?' }] },
  ];
  expect([detailOf({ task: caption }), detailOf({ task: caption, detail: 'auto' })]).toEqual([AUTO_DETAIL.caption, AUTO_DETAIL.caption]); // prettier-ignore
  for (const task of questions) expect(detailOf({ task })).toBe(AUTO_DETAIL.question);
  for (const task of [caption, ...questions])
    for (const detail of ['low', 'high'] as const) expect(detailOf({ task, detail })).toBe(detail);
});
