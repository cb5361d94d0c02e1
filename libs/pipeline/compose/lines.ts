import type { LineKind, Medium, Span, Utterance } from '#contracts';
import type { Prompts } from '../models/prompts.js';
import { timecode } from './timecode.js';

/** One line of a timeline: what the decoder reads, and what a citation of it says. */
export interface Line {
  /** Exact text of the line, with its time or page mark and its newline. */
  text: string;
  span: Span;
  quote: string;
  /** How it got here; absent for the text of documents. */
  kind?: LineKind;
}

export interface SeenFrame {
  /** Presentation time in seconds; null for a still picture. */
  time: number | null;
  /** When the next frame takes over; the medium's end for the last one. */
  end: number | null;
  caption: string;
}

export type LineTemplates = Prompts['timeline']['lines'];

export function write(template: string, values: Record<string, string>): string {
  return template.replace(/\{([a-z]+)\}/g, (_, slot: string) => values[slot] ?? '');
}

/** One line, whatever the user's text holds: a newline would start a line without a time. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

export function utteranceLines(medium: Medium, utterances: Utterance[], templates: LineTemplates): Line[] {
  return utterances
    .map((utterance) => ({ ...utterance, text: oneLine(utterance.text) }))
    .filter((utterance) => utterance.text !== '')
    .map((utterance) => ({
      text: write(templates.utterance, { time: timecode(utterance.start), text: utterance.text }),
      span: { mediumId: medium.id, start: utterance.start, end: utterance.end },
      quote: utterance.text,
      kind: 'said',
    }));
}

export function frameLines(medium: Medium, frames: SeenFrame[], templates: LineTemplates): Line[] {
  return frames.map((frame) => ({
    text: write(templates.caption, {
      time: frame.time === null ? oneLine(medium.name) : timecode(frame.time),
      text: oneLine(frame.caption),
    }),
    span:
      frame.time === null
        ? { mediumId: medium.id }
        : { mediumId: medium.id, start: frame.time, end: frame.end ?? frame.time },
    quote: oneLine(frame.caption),
    kind: 'seen',
  }));
}

/** Interleaves by time; at the same instant what is seen comes before what is said. Lines without a time keep their order, first. */
export function interleave(seen: Line[], said: Line[]): Line[] {
  const order = new Map<Line, number>([...seen, ...said].map((line, index) => [line, index]));
  return [...seen, ...said].sort(
    (a, b) => (a.span.start ?? -1) - (b.span.start ?? -1) || (order.get(a) ?? 0) - (order.get(b) ?? 0),
  );
}
