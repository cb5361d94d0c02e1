import type { DocumentBlock } from './block.js';

const TIME = String.raw`(?:(\d{1,3}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})`;
const CUE = new RegExp(`^\\s*${TIME}\\s*-->\\s*${TIME}`);
const NUMBER = /^\s*\d+\s*$/;

/**
 * Cues of SubRip and WebVTT (https://www.w3.org/TR/webvtt1) as timed text: numbers, settings, notes, styles and tags
 * are dropped; a cue that repeats the one before (rolling captions) prolongs it.
 */
export function subtitleBlocks(text: string): DocumentBlock[] {
  const blocks: DocumentBlock[] = [];
  const lines = text.split(/\r?\n/);
  for (let at = 0; at < lines.length; at++) {
    const times = CUE.exec(lines[at] ?? '');
    if (!times) continue;
    const line = at + 1;
    const numbered = NUMBER.test(lines[at - 1] ?? '');
    const said: string[] = [];
    while (lines[at + 1]?.trim() && !CUE.test(lines[at + 1] ?? '')) said.push(lines[++at] as string);
    // Without an empty line between them, the number of the next cue stands below what is said.
    if (numbered && lines[at + 1]?.trim() && NUMBER.test(said.at(-1) ?? '')) said.pop();
    const start = seconds(times.slice(1, 5));
    const end = Math.max(start, seconds(times.slice(5, 9)));
    const words = plain(said.join(' '));
    const last = blocks.at(-1);
    if (last?.text === words && start <= (last.end ?? 0) + 0.5) last.end = Math.max(end, last.end ?? 0);
    else if (words !== '') blocks.push({ text: words, start, end, line });
  }
  return blocks;
}

function seconds([hours, minutes, whole, fraction]: (string | undefined)[]): number {
  return (
    Number(hours ?? 0) * 3600 + Number(minutes) * 60 + Number(whole) + Number((fraction ?? '0').padEnd(3, '0')) / 1000
  );
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', nbsp: ' ', lrm: '', rlm: '' };

/** Tags of SubRip and WebVTT and no others: people also say "I <3 you". */
const TAG =
  /<\/?(?:(?:[ibusc]|ruby|rt)(?:\.[^\s<>]*)?\s*|(?:v|lang|font)(?:[.\s][^<>]*)?)>|<(?:\d{1,3}:)?\d{1,2}:\d{2}\.\d{3}>/gi;

function plain(text: string): string {
  return text
    .replace(TAG, '')
    .replace(/\{\\[^{}]*\}/g, '')
    .replace(/&(\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole)
    .replace(/\s+/g, ' ')
    .trim();
}
