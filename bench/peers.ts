import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TesseraError } from '#contracts';

/**
 * A module of the benchmarks' peers, which are installed apart (bench/peers) so that nobody else has to fetch them.
 * @param file inside bench/peers/node_modules
 * @throws TesseraError tool_missing when the peers are not installed
 */
export async function importPeer<T>(file: string): Promise<T> {
  const entry = join(process.cwd(), 'bench/peers/node_modules', file);
  if (!existsSync(entry))
    throw new TesseraError(
      'tool_missing',
      'The peers of the benchmarks are not installed: npm install --prefix bench/peers',
    );
  return (await import(pathToFileURL(entry).href)) as T;
}
