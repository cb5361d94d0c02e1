import { TesseraError } from '#contracts';

/** A parsed `ModelSource`; the grammar is in libs/contracts/pack.ts. */
export type Source =
  | { type: 'npm'; package: string; path: string }
  | { type: 'pypi'; project: string; version: string; path: string }
  | { type: 'hf'; repository: string; revision: string; path: string }
  | { type: 'file'; path: string };

const GRAMMAR: { [T in Source['type']]: RegExp } = {
  npm: /^npm:(?<package>(?:@\w[\w.-]*\/)?\w[\w.-]*)\/(?<path>.+)$/,
  pypi: /^pypi:(?<project>\w[\w.-]*)==(?<version>\w[\w.+!-]*)\/(?<path>.+)$/,
  hf: /^hf:(?<repository>\w[\w.-]*\/\w[\w.-]*)@(?<revision>\w[\w.-]*)\/(?<path>.+)$/,
  file: /^file:(?<path>.+)$/,
};

/** @throws TesseraError `configuration` for text that is none of the four forms, or a path that climbs out of a package */
export function parseSource(text: string): Source {
  for (const [type, pattern] of Object.entries(GRAMMAR)) {
    const source = { type, ...pattern.exec(text)?.groups } as Source;
    if (source.path === undefined) continue;
    if (type !== 'file' && source.path.split('/').includes('..')) break;
    return source;
  }
  throw new TesseraError('configuration', `"${text}" is not a model source (npm:, pypi:, hf: or file:).`);
}
