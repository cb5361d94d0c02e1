import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

type Bytes = AsyncIterable<Uint8Array>;

/** Streams bytes to a file that must not exist yet, for this user's eyes only. Nothing remains of a failure. */
export async function writeNewFile(
  path: string,
  source: Bytes,
  through: (chunks: Bytes) => Bytes,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const file = createWriteStream(path, { flags: 'wx', mode: 0o600 });
  const closed = new Promise<void>((resolve) => file.once('close', resolve));
  try {
    await pipeline(source, through, file, { signal });
  } catch (error) {
    // A pipeline may fail before its file has been opened: what is removed any earlier than the file is closed comes back.
    file.destroy();
    await closed;
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await rm(path, { force: true });
    throw error;
  }
}
