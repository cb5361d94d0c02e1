const WORDPROCESSING = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
const PRESENTATION = 'application/vnd.openxmlformats-officedocument.presentationml.presentation';

/** Media types of the documents that are read. */
export const DOCUMENT_TYPES = {
  pdf: 'application/pdf',
  docx: WORDPROCESSING,
  pptx: PRESENTATION,
  zip: 'application/zip',
  tar: 'application/x-tar',
  targz: 'application/gzip',
  html: 'text/html',
  vtt: 'text/vtt',
  srt: 'application/x-subrip',
  markdown: 'text/markdown',
  source: 'text/x-source',
  plain: 'text/plain',
} as const;

/** Every part ends in one way only: many comments and no page would hold the event loop. */
const HTML = /^(?:\s|<!--(?:(?!-->)[\s\S])*-->|<\?xml[^>]*>)*(?:<!doctype\s+html\b|<html[\s>])/i;
const VTT = /^\ufeff?WEBVTT(?=[\s]|$)/;
const SRT = /^\ufeff?\s*\d+\s*\r?\n\d{1,3}:\d{2}:\d{2}[,.]\d{1,3}\s*-->/;

/** The type of a text by how it begins. */
export function textType(head: string): string {
  if (VTT.test(head)) return DOCUMENT_TYPES.vtt;
  if (SRT.test(head)) return DOCUMENT_TYPES.srt;
  if (HTML.test(head)) return DOCUMENT_TYPES.html;
  return DOCUMENT_TYPES.plain;
}

const MARKDOWN = /\.(md|markdown|mdx)$/i;
const SOURCE = new RegExp(
  `(\\.(${[
    'js jsx mjs cjs ts tsx mts cts py pyi rb go rs java kt kts scala groovy c h cc cpp cxx hpp hh m mm cs fs vb swift dart lua pl pm r jl',
    'php hs elm ex exs erl clj ml zig nim v sv vhd asm s sh bash zsh fish ps1 bat sql proto graphql vue svelte css scss sass less',
    'json jsonc jsonl ndjson yaml yml toml ini cfg conf properties env xml csv tsv log diff patch tf hcl gradle cmake mk tex bib',
  ]
    .join(' ')
    .replace(/ /g, '|')})|(^|/)(Makefile|Dockerfile|CMakeLists\\.txt|\\.gitignore|\\.editorconfig))$`,
  'i',
);

/** Whether a file is source code, or what belongs to it, by its name. */
export const isNamedSource = (name: string): boolean => SOURCE.test(name);

/**
 * Text whose lines are to be kept apart cannot be told from prose by its bytes: there the name may say how to cut it.
 * A type that the content has settled is never changed.
 */
export function namedTextType(name: string, type: string): string {
  if (type !== DOCUMENT_TYPES.plain) return type;
  if (MARKDOWN.test(name)) return DOCUMENT_TYPES.markdown;
  return SOURCE.test(name) ? DOCUMENT_TYPES.source : type;
}
