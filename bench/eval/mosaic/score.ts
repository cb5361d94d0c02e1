import type { Answer } from '#contracts';
import type { Question } from './script.js';

/** When a scene was shown, in seconds. */
export interface Placed {
  start: number;
  end: number;
}

export interface Truth {
  question: Question;
  /** Where the scenes of the film ended up. */
  scenes: Placed[];
  film: string;
  notes: string;
}

export interface Verdict {
  right: boolean;
  /** A cited span overlaps a true one; with nothing to cite, nothing was cited. */
  cited: boolean;
}

/** How far off the named time may be. */
const WITHIN_SECONDS = 2;
/** Share of the words of what was said that an answer repeats. */
const REPEATED = 0.6;
const NOT_FOUND = /can't find|cannot find|not (in|mentioned|said|found)|no (mention|information)|don't know/i;

export function judge(answer: Pick<Answer, 'text' | 'citations'>, truth: Truth): Verdict {
  return { right: isRight(answer.text, truth), cited: isCited(answer.citations, truth) };
}

function isRight(text: string, { question, scenes }: Truth): boolean {
  const { kind, answer } = question;
  if (kind === 'absent') return NOT_FOUND.test(text);
  if (NOT_FOUND.test(text)) return false;
  if (kind === 'when said' || kind === 'when shown') {
    const named = timeIn(text);
    return named !== undefined && question.scenes.some((index) => isWithin(named, scenes[index]));
  }
  const words = new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);
  const found = answer.filter((spellings) => spellings.some((spelling) => hasAll(words, spelling))).length;
  return found >= (kind === 'while' ? REPEATED * answer.length : answer.length);
}

const hasAll = (words: Set<string>, spelling: string): boolean =>
  spelling.toLowerCase().split(' ').every((word) => words.has(word)); // prettier-ignore

/** The start is what "when" asks for. */
const isWithin = (time: number, scene: Placed | undefined): boolean =>
  scene !== undefined && Math.abs(time - scene.start) <= WITHIN_SECONDS;

/** The first time that an answer names: 1:02:03, 02:03, "63 seconds". */
export function timeIn(text: string): number | undefined {
  const clock = /\b(?:(\d+):)?(\d{1,2}):(\d{2})\b/.exec(text);
  if (clock) return Number(clock[1] ?? 0) * 3600 + Number(clock[2]) * 60 + Number(clock[3]);
  const seconds = /\b(\d+(?:\.\d+)?)\s*s(?:ec(?:onds?)?)?\b/i.exec(text);
  return seconds ? Number(seconds[1]) : undefined;
}

function isCited(citations: Answer['citations'], { question, scenes, film, notes }: Truth): boolean {
  if (question.kind === 'absent') return citations.length === 0;
  return citations.some(({ input, start, end, line }) =>
    question.line === undefined
      ? input === film &&
        start !== null &&
        question.scenes.some((index) => {
          const scene = scenes[index];
          return scene !== undefined && start < scene.end && (end ?? start) > scene.start;
        })
      : input === notes && line === question.line,
  );
}
