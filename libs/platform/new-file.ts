import { createWriteStream, type WriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

type Bytes = AsyncIterable<Uint8Array>;

/**
 * Streams bytes into a file. When it fails, nothing is on its way into the file any more: a pipeline by itself may fail before its file
 * has been opened.
 */
export async function fillFile(
  file: WriteStream,
  source: Bytes,
  through: (chunks: Bytes) => Bytes,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const closed = new Promise<void>((resolve) => file.once('close', resolve));
  try {
    await pipeline(source, through, file, { signal });
  } catch (error) {
    file.destroy();
    await closed;
    throw error;
  }
}

/** Streams bytes to a file that must not exist yet, for this user's eyes only. Nothing remains of a failure. */
export async function writeNewFile(path: string, ...filling: Tail<Parameters<typeof fillFile>>): Promise<void> {
  try {
    await fillFile(createWriteStream(path, { flags: 'wx', mode: 0o600 }), ...filling);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await rm(path, { force: true });
    throw error;
  }
}

type Tail<T extends unknown[]> = T extends [unknown, ...infer Rest] ? Rest : never;
