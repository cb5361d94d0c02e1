import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A folder for media that a test makes; `dispose` removes it. */
export function mediaFolder(name: string): { file(name: string): string; dispose(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), `tessera-${name}-`));
  return {
    file: (entry) => path.join(folder, entry),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function tool(command: string, args: string[]): Buffer {
  try {
    return execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 });
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw missing
      ? new Error(`The tests need ${command}: apt-get install ffmpeg sox espeak-ng`, { cause: error })
      : error;
  }
}

export const ffmpeg = (...args: string[]) => tool('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-y', ...args]);
export const sox = (...args: string[]) => tool('sox', args);
/** Says `text` into a wav file. `options` are espeak-ng's, for example `-s 150`. */
export const say = (text: string, file: string, ...options: string[]) =>
  tool('espeak-ng', [...options, '-w', file, text]);
