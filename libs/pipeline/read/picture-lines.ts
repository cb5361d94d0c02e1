import type { Box, Medium } from '#contracts';
import { boxAround, type Paragraph } from '#media';
import { oneLine, write, type Line, type LineTemplates } from '../compose/lines.js';
import { timecode } from '../compose/timecode.js';
import { passages } from './passages.js';

/** Text on a frame, from the frame's time until the text changes. */
export interface FrameText {
  time: number;
  end: number;
  text: string;
  /** Where it stands on the frame. */
  box?: Box | undefined;
}

type Templates = Pick<LineTemplates, 'utterance'>;

const marked = (text: string): string => `Text in the picture: ${text}`;

/** The text of a still picture, under its file's name as its caption is; a page of text is several lines. */
export function pictureTextLines(
  medium: Pick<Medium, 'id' | 'name'>,
  paragraphs: readonly Paragraph[],
  templates: Templates,
): Line[] {
  const told = paragraphs.map(({ text, box }) => ({ text: asSentences(text), box })).filter(({ text }) => text !== '');
  const whole = told.map(({ text }) => text).join(' ');
  let at = 0;
  return passages(whole).map((words) => {
    const from = whole.indexOf(words, at);
    at = from + words.length;
    return {
      text: write(templates.utterance, { time: oneLine(medium.name), text: marked(words) }),
      span: { mediumId: medium.id, ...boxOf(within(told, from, at)) },
      quote: words,
      kind: 'written',
    };
  });
}

/** Paragraphs, parted by one space, that lie between two characters of the whole. */
function within(paragraphs: readonly Paragraph[], from: number, to: number): Box[] {
  let begin = 0;
  return paragraphs.flatMap(({ text, box }) => {
    const end = begin + text.length;
    const inside = begin < to && end > from;
    begin = end + 1;
    return inside ? [box] : [];
  });
}

const boxOf = (boxes: readonly Box[]): { box?: Box } => {
  const box = boxAround(boxes);
  return box ? { box } : {};
};

/** What was to be read on a film's frames, each text once for as long as it stayed. */
export function frameTextLines(medium: Pick<Medium, 'id'>, texts: FrameText[], templates: Templates): Line[] {
  return texts.map(({ time, end, text, box }) => ({
    text: write(templates.utterance, { time: timecode(time), text: marked(asSentences(text)) }),
    span: { mediumId: medium.id, start: time, end, ...(box ? { box } : {}) },
    quote: asSentences(text),
    kind: 'written',
  }));
}

/** Paragraphs on one line; headings and items get the full stop that tells them apart. */
function asSentences(text: string): string {
  return text
    .split('\n')
    .map(oneLine)
    .filter((paragraph) => paragraph !== '')
    .map((paragraph) => (/[.!?:;,]["'”’)]?$/.test(paragraph) ? paragraph : `${paragraph}.`))
    .join(' ');
}

/** A frame with this many words is a slide: what a caption says of it is a guess beside what is written. */
const SLIDE_WORDS = 5;

/** Frames (by their times) that are to be put into words: not those of slides, whose text says what they show. */
export function withoutSlides(times: readonly (number | null)[], written: readonly Line[]): boolean[] {
  const slides = written.filter((line) => line.quote.split(' ').length >= SLIDE_WORDS).map((line) => line.span);
  return times.map((time) =>
    slides.every(({ start = 0, end = Infinity }) => time === null || time < start || time >= end),
  );
}

/** Joins frames that show the same text (up to what recognition makes of it); `next` is when the following frame takes over. */
export function joinSameTexts(frames: (Omit<FrameText, 'end'> & { next: number })[]): FrameText[] {
  const joined: FrameText[] = [];
  for (const { time, next, ...frame } of frames) {
    const { text } = frame;
    const last = joined.at(-1);
    if (text.trim() === '') continue;
    if (last && Math.abs(last.end - time) < 0.01 && sameText(last.text, text)) last.end = next;
    else joined.push({ time, end: next, ...frame });
  }
  return joined;
}

/** Words in common over all words, from here on, are the same slide. */
const SAME = 0.8;

function sameText(a: string, b: string): boolean {
  const words = (text: string): Set<string> => new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);
  const [left, right] = [words(a), words(b)];
  const common = [...left].filter((word) => right.has(word)).length;
  return common >= SAME * (left.size + right.size - common);
}

/** A picture with this many words is a page or a slide: it is read rather than looked at. */
const PAGE_WORDS = 12;
const ASKS_FOR_TEXT =
  /\b(say|says|saying|read|reads|written|writing|write|text|words?|letters?|sign|signs|title|titled|headline|heading|label|labelled|labeled|logo|brand|spell|spelled|printed|slide|page|poster|banner|screen|number|phone|address|email|price|date)\b/i;

export function isPage(lines: Line[]): boolean {
  return wordCount(lines) >= PAGE_WORDS;
}

/** Whether a question about a picture is better answered by the words in it than by its look. */
export function asksForText(question: string, lines: Line[]): boolean {
  return isPage(lines) || (lines.length > 0 && ASKS_FOR_TEXT.test(question));
}

const wordCount = (lines: Line[]): number => lines.reduce((sum, line) => sum + line.quote.split(' ').length, 0);
