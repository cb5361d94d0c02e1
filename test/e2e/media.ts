import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../support/cli.js';

/** Small inputs made of the sample media: two cores are to be busy with the service, not with the pictures. */
export interface Media {
  picture: Buffer;
  speech: Buffer;
  film: Buffer;
}

export function makeMedia(): Media {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-e2e-media-'));
  const make = (name: string, ...args: string[]): Buffer => {
    const file = join(folder, name);
    execFileSync('ffmpeg', ['-v', 'error', ...args, '-bitexact', file]);
    return readFileSync(file);
  };
  const sample = (name: string): string => join(ROOT, 'samples', name);
  try {
    return {
      picture: readFileSync(sample('cat.jpg')),
      speech: make('speech.wav', '-t', '4', '-i', sample('speech.flac')),
      film: make('talk.mp4', '-t', '3', '-i', sample('talk.mp4'), '-vf', 'scale=256:-2', '-preset', 'ultrafast'),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A comment segment behind the start of the JPEG. */
function newPicture(picture: Buffer): Buffer {
  const text = Buffer.from(randomUUID());
  const comment = Buffer.concat([Buffer.from([0xff, 0xfe, 0, text.length + 2]), text]);
  return Buffer.concat([picture.subarray(0, 2), comment, picture.subarray(2)]);
}

/** A chunk, or box, that players pass over, at the end. */
function newSpeech(speech: Buffer): Buffer {
  const text = Buffer.from(randomUUID());
  const chunk = Buffer.alloc(8);
  chunk.write('junk', 'latin1');
  chunk.writeUInt32LE(text.length, 4);
  const file = Buffer.concat([speech, chunk, text]);
  file.writeUInt32LE(file.length - 8, 4);
  return file;
}

function newFilm(film: Buffer): Buffer {
  const text = Buffer.from(randomUUID());
  const box = Buffer.alloc(8);
  box.writeUInt32BE(8 + text.length);
  box.write('free', 4, 'latin1');
  return Buffer.concat([film, box, text]);
}

/** The same to see and to hear in bytes that nobody has brought before: nothing of it is known, and its answer is. */
export const renew = ({ picture, speech, film }: Media): Media => ({
  picture: newPicture(picture),
  speech: newSpeech(speech),
  film: newFilm(film),
});
