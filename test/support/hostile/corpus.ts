import type { mediaFolder } from '../media.js';
import { corruptions, lies, truncations } from './broken.js';
import { hostileFilms } from './films.js';
import { goodFiles } from './good-files.js';
import type { HostileFile } from './hostile-file.js';
import { hostilePapers } from './papers.js';
import { hostilePictures } from './pictures.js';

const SEED = 6;

export interface Targets {
  /** A file of the server that nobody may see. */
  victim: string;
  /** A URL that nobody may call. */
  beacon: string;
}

/** Every hostile file, by what is tried with it. The same on every machine, up to what its ffmpeg and libvips write. */
export async function hostileCorpus(
  folder: ReturnType<typeof mediaFolder>,
  { victim, beacon }: Targets,
): Promise<Record<string, HostileFile[]>> {
  const files = await goodFiles(folder);
  return {
    truncations: truncations(files),
    corruptions: corruptions(files, SEED),
    lies: lies(files),
    pictures: await hostilePictures(victim, beacon),
    'recordings and films': hostileFilms(victim, beacon),
    'papers and archives': hostilePapers(files, victim, beacon),
  };
}
