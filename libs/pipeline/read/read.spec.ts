import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PRINT_FROM } from '#media';
import { documentLines } from './document-lines.js';
import { PASSAGE_CHARACTERS, passages } from './passages.js';
import { asksForText, frameTextLines, joinSameTexts, pictureTextLines, withoutSlides } from './picture-lines.js';
import { printedFrames } from './picture-text.js';
import { ShownPrint } from './shown-print.js';

const medium = { id: 'a'.repeat(64), name: 'sign.jpg' };
const templates = {
  utterance: '[{time}] {text}\n',
  caption: '[{time}] Picture: {text}\n',
  frame: '[{time}] {image}\n',
  page: '[page {page}] {text}\n',
};

/** One below the other, a tenth of the picture high each. */
const paragraphs = (...texts: string[]) =>
  texts.map((text, i) => ({ text, box: { left: 0.1, top: 0.2 * i, width: 0.5, height: 0.1 } }));

describe('passages', () => {
  it('cuts at sentences, loses nothing, and is longer only for one long sentence', () => {
    const sentence = fc
      .array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1, maxLength: 30 })
      .map((words) => `A ${words.join(' ')}.`);
    fc.assert(
      fc.property(fc.array(sentence, { minLength: 1, maxLength: 12 }), (sentences) => {
        const found = passages(sentences.join(' '));
        expect(found.join(' ')).toBe(sentences.join(' '));
        for (const passage of found)
          expect(passage.length <= PASSAGE_CHARACTERS || sentences.includes(passage)).toBe(true);
      }),
    );
  });
});

describe('documentLines', () => {
  it('marks pages, and cites them', () => {
    expect(documentLines(medium, [{ text: 'The budget\nis 4200.', page: 3 }], templates)).toEqual([
      { text: '[page 3] The budget is 4200.\n', span: { mediumId: medium.id, page: 3 }, quote: 'The budget is 4200.' },
    ]);
  });

  it('takes subtitles for speech', () => {
    const [line] = documentLines(medium, [{ text: 'Hello', start: 61.5, end: 63, line: 4 }], templates);
    expect(line).toEqual({
      text: '[01:01] Hello\n',
      span: { mediumId: medium.id, start: 61.5, end: 63 },
      quote: 'Hello',
      kind: 'said',
    });
  });

  it('keeps source code as it stands, under the name of its file', () => {
    const blocks = [
      { text: 'def f():', line: 1, file: 'a.py' },
      { text: '    return 1', line: 2, file: 'a.py' },
      { text: 'x', line: 1, file: 'b.py' },
    ];
    const lines = documentLines(medium, blocks, templates);
    expect(lines.map((line) => line.text)).toEqual(['a.py:\n', 'def f():\n', '    return 1\n', 'b.py:\n', 'x\n']);
    expect(lines[2]).toMatchObject({ span: { line: 2, file: 'a.py' }, quote: 'return 1' });
  });

  it('cites each passage of a wrapped paragraph by the line on which it begins', () => {
    const wrapped = Array.from({ length: 20 }, (_, i) => `${1900 + i}, in the harbour of Bergen. It was built in`);
    const text = wrapped.join(' ');
    const lineStarts = wrapped.slice(1).map((words) => text.indexOf(words));
    const lines = documentLines(medium, [{ text, line: 5, lineStarts }], templates);
    expect(lines.length).toBeGreaterThan(2);
    for (const { quote, span } of lines) expect(wrapped[(span.line ?? 0) - 5]).toContain(quote.slice(0, 12));
    expect(lines.map((line) => line.quote).join(' ')).toBe(text);
  });
});

describe('text in pictures', () => {
  it('stands under the file it is from', () => {
    expect(pictureTextLines(medium, paragraphs('Exit', 'Mind the gap!'), templates).map((line) => line.text)).toEqual([
      '[sign.jpg] Text in the picture: Exit. Mind the gap!\n',
    ]);
    expect(pictureTextLines(medium, [], templates)).toEqual([]);
  });

  it('tells where it stands: each passage the paragraphs that it is made of', () => {
    const lines = pictureTextLines(medium, paragraphs('Exit', 'X'.repeat(150), 'Y'.repeat(150)), templates);
    expect(lines.map(({ quote, span }) => [quote[0], span.box])).toEqual([
      ['E', { left: 0.1, top: 0, width: 0.5, height: 0.3 }],
      ['Y', { left: 0.1, top: 0.4, width: 0.5, height: 0.1 }],
    ]);
  });

  it('is asked for by what is asked, or when the picture is a page', () => {
    const few = pictureTextLines(medium, paragraphs('Mind the gap'), templates);
    expect(asksForText('What does the sign say?', few)).toBe(true);
    expect(asksForText('What colour is the car?', few)).toBe(false);
    expect(asksForText('What does the sign say?', [])).toBe(false);
    expect(asksForText('Who wrote it?', pictureTextLines(medium, paragraphs('word '.repeat(20)), templates))).toBe(
      true,
    );
  });

  it('of a film stays for as long as it was shown', () => {
    const frames = [
      { time: 0, next: 4, text: 'Results of the year' },
      { time: 4, next: 8, text: 'Results of the year.' },
      { time: 8, next: 12, text: '' },
      { time: 12, next: 15, text: 'Thank you' },
    ];
    const texts = joinSameTexts(frames);
    expect(texts).toEqual([
      { time: 0, end: 8, text: 'Results of the year' },
      { time: 12, end: 15, text: 'Thank you' },
    ]);
    expect(frameTextLines(medium, texts, templates)[1]).toEqual({
      text: '[00:12] Text in the picture: Thank you.\n',
      span: { mediumId: medium.id, start: 12, end: 15 },
      quote: 'Thank you.',
      kind: 'written',
    });
  });

  it('stands for the caption of a slide, and beside that of another picture', () => {
    const texts = [
      { time: 0, end: 8, text: 'Results of the year 2026' },
      { time: 12, end: 15, text: 'Exit' },
    ];
    const written = frameTextLines(medium, texts, templates);
    expect(withoutSlides([0, 4, 8, 12, null], written)).toEqual([false, false, true, true, true]);
  });
});

describe('printedFrames', () => {
  it('takes frames that look like print, and thins them evenly over the film', () => {
    const times = Array.from({ length: 100 }, (_, i) => i);
    const print = times.map((time) => (time % 2 === 0 ? 0.1 : 0));
    expect(printedFrames({ times, print }, 100, 200)).toHaveLength(50);
    const thinned = printedFrames({ times, print }, 100, 10).map((frame) => frame.time);
    expect(thinned).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
    expect(printedFrames({ times }, 100, 10)).toEqual([]);
    const newPrint = times.map((time) => time % 10 === 0);
    expect(printedFrames({ times, print, newPrint }, 100, 10).slice(-2)).toEqual([
      { time: 80, next: 90 },
      { time: 90, next: 100 },
    ]);
  });
});

describe('ShownPrint', () => {
  const print = (isNew: boolean) => ({ likelihood: PRINT_FROM, isNew });
  const nothing = { likelihood: 0, isNew: true };

  it('tells of print when other print is seen, or none, and that it may be fading before', () => {
    const shown = new ShownPrint();
    expect(shown.look(0, nothing)).toBeUndefined();
    expect(shown.look(5, print(true))).toBeUndefined();
    expect(shown.look(9, print(true))).toEqual({ time: 5, until: 8 });
    expect(shown.printed).toBe(true);
    expect(shown.look(9.4, nothing)).toEqual({ time: 9, until: 9 });
    expect(shown.printed).toBe(false);
    expect(shown.end(20)).toBeUndefined();
  });

  it('knows that print was still there when it was last looked at', () => {
    const shown = new ShownPrint();
    shown.look(0, print(true));
    expect(shown.look(4, print(false))).toBeUndefined();
    expect(shown.look(4.2, print(true))).toEqual({ time: 0, until: 4 });
    expect(shown.end(7)).toEqual({ time: 4.2, until: 6 });
  });

  it('does not wait for the end of what is shown for long', () => {
    const shown = new ShownPrint();
    shown.look(1, print(true));
    expect([5, 9, 13, 17].map((time) => shown.look(time, print(false)))).toEqual([undefined, undefined, { time: 1, until: 13 }, undefined]); // prettier-ignore
    expect(shown.end(60)).toBeUndefined();
  });
});
