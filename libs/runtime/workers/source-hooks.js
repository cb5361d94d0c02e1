// Module hooks for worker threads that start from TypeScript source (tests and development); dist never loads this.
// `./x.js` becomes `./x.ts` where only the source exists. TypeScript is transpiled without type checks, once per content:
// the compiler takes half a second to load, which a thread that finds everything in the cache saves.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/tessera-source/', import.meta.url));

export async function resolve(specifier, context, nextResolve) {
  if (specifier.startsWith('.') && specifier.endsWith('.js') && context.parentURL?.endsWith('.ts')) {
    const source = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (existsSync(source)) return { url: source.href, format: 'module', shortCircuit: true };
  }
  return nextResolve(specifier, context);
}

export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context);
  const fileName = fileURLToPath(url);
  return { format: 'module', source: await transpile(fileName, await readFile(fileName, 'utf8')), shortCircuit: true };
}

async function transpile(fileName, text) {
  const cached = `${CACHE}${createHash('sha256').update(`${fileName}\0${text}`).digest('hex')}.js`;
  const known = await readFile(cached, 'utf8').catch(() => undefined);
  if (known !== undefined) return known;
  const { default: ts } = await import('typescript');
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    experimentalDecorators: true,
    verbatimModuleSyntax: true,
    inlineSourceMap: true,
  };
  const { outputText } = ts.transpileModule(text, { fileName, compilerOptions });
  const draft = `${cached}.${process.pid}-${Math.random()}`;
  await mkdir(CACHE, { recursive: true });
  await writeFile(draft, outputText);
  await rename(draft, cached);
  return outputText;
}
