import type { Line } from '../../compose/lines.js';
import type { Asked } from '../question/question.js';

/**
 * What happens together, or all that is said, stands in the timeline or is not known: a decoder that is asked names a line of another
 * time. Half past ten may be a time that is told, and of a document it can be no other.
 */
export function isOnlyLookedUp(wanted: Asked, lines: readonly Line[]): boolean {
  if (wanted.type === 'while' || wanted.type === 'whole') return true;
  if (wanted.type !== 'at') return false;
  return lines.some(({ span }) => span.start !== undefined) && !lines.some(({ quote }) => tells(quote, wanted.time));
}

const tells = (quote: string, time: string): boolean =>
  time.includes(':') && (quote.match(/(?:\d+:)?\d{1,2}:\d{2}/g) ?? []).some((told) => told === time);
