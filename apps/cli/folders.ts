import { rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { TesseraError } from '#contracts';
import { filesIn, holdsSource, packFolder } from '#media';
import { makeTempFolder } from '#platform';

/** What somebody named on the command line, and the file to read where that is another one. */
export interface Input {
  name: string;
  /** Of a folder of source code: its text files as one archive. */
  packed?: string;
}

/** More media than this are asked about in parts. */
const MOST_FILES = 500;

/**
 * What was named, with its folders opened: a folder of source code is one medium, of any other each file is one. What packing made is
 * gone when the inputs are disposed of.
 */
export class Inputs implements AsyncDisposable {
  private constructor(
    readonly all: Input[],
    private readonly folder: string | undefined,
  ) {}

  /** @throws TesseraError for a folder that is empty, holds too much, or may not be read */
  static async open(named: readonly string[]): Promise<Inputs> {
    const all: Input[] = [];
    let folder: string | undefined;
    try {
      for (const name of named) {
        if (!(await isFolder(name))) all.push({ name });
        else {
          const files = await filesIn(resolve(name));
          if (!holdsSource(files)) all.push(...eachOf(name, files));
          else {
            folder ??= await makeTempFolder('folder');
            const packed = join(folder, `${all.length}.zip`);
            await writeFile(packed, await packFolder(resolve(name), files));
            all.push({ name: name.replace(/(?<=.)\/+$/, ''), packed });
          }
        }
      }
      return new Inputs(all, folder);
    } catch (error) {
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.folder !== undefined) await rm(this.folder, { recursive: true, force: true });
  }
}

const isFolder = (name: string): Promise<boolean> =>
  stat(resolve(name)).then(
    (found) => found.isDirectory(),
    () => false,
  );

function eachOf(folder: string, files: readonly string[]): Input[] {
  if (files.length === 0) throw new TesseraError('file_not_found', `There are no files in ${folder}.`);
  if (files.length > MOST_FILES)
    throw new TesseraError(
      'file_too_large',
      `${folder} has ${files.length} files; ${MOST_FILES} are asked about at once at most.`,
    );
  return files.map((file) => ({ name: join(folder, file) }));
}
