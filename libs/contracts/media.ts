import { z } from 'zod';

/** What a file turned out to be when it was probed (never what its name claims). */
export const MediaKind = z.enum(['image', 'audio', 'video', 'text']);
export type MediaKind = z.infer<typeof MediaKind>;

/**
 * How a drawing begins: with what may stand before it. Every part ends in one way only: whoever sends a thousand comments and no drawing
 * would hold the event loop.
 */
export const SVG_HEAD = /^(?:\s|<\?xml[^>]*>|<!--(?:(?!-->)[\s\S])*-->|<!DOCTYPE\s+svg\b[^>[]*(?:\[[^\]]*\][^>[]*)?>)*<svg[\s>]/i;

/** Lower-case hex sha-256 of the file's bytes. */
export const ContentHash = z.string().regex(/^[0-9a-f]{64}$/);
export type ContentHash = z.infer<typeof ContentHash>;

export const Track = z.object({
  index: z.number().int().nonnegative(),
  kind: z.enum(['audio', 'video', 'subtitle']),
  codec: z.string(),
  language: z.string().optional(),
  /** Seconds. */
  start: z.number().optional(),
  duration: z.number().optional(),
  channels: z.number().int().optional(),
  sampleRate: z.number().int().optional(),
  width: z.number().int().optional(),
  height: z.number().int().optional(),
  /** Average frames per second. */
  fps: z.number().optional(),
});
export type Track = z.infer<typeof Track>;

export const Chapter = z.object({
  /** Seconds. */
  start: z.number().nonnegative(),
  end: z.number().nonnegative(),
  title: z.string(),
});
export type Chapter = z.infer<typeof Chapter>;

/** One file, known by the hash of its bytes. Everything derived from it is cached under this id. */
export const Medium = z.object({
  id: ContentHash,
  kind: MediaKind,
  /** What the user called it: a file name or URL, without credentials. */
  name: z.string(),
  mimeType: z.string(),
  bytes: z.number().int().positive(),
  /** Seconds; absent for still pictures and text. */
  duration: z.number().nonnegative().optional(),
  /** Pixels after orientation is applied. */
  width: z.number().int().positive().optional(),
  height: z.number().int().positive().optional(),
  tracks: z.array(Track).default([]),
  /** Chapters that the file itself names. */
  chapters: z.array(Chapter).optional(),
});
export type Medium = z.infer<typeof Medium>;

const share = z.number().min(0).max(1);
/** A part of a page, picture or frame: shares of its width and height, from its upper left corner. */
export const Box = z.object({ left: share, top: share, width: share, height: share });
export type Box = z.infer<typeof Box>;

/** Where in a medium something is: a time range in seconds, a page or a line (from 1) of a file in it, or the whole. */
export const Span = z.object({
  mediumId: ContentHash,
  start: z.number().nonnegative().optional(),
  end: z.number().nonnegative().optional(),
  page: z.number().int().positive().optional(),
  line: z.number().int().positive().optional(),
  /** Path of the file inside an archive. */
  file: z.string().optional(),
  /** Where it stands on the page, picture or frame. */
  box: Box.optional(),
});
export type Span = z.infer<typeof Span>;
