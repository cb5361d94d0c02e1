import { writeFileSync } from 'node:fs';
import type { MadeFilm } from './films.js';
import { measure } from './reading.js';

/** Measures one film in a process of its own, so that no other film's memory counts: `FILM WARM-UP DATA-FOLDER RESULT`, films as JSON. */
const [film = '', warmUp = '', dataDir = '', result = ''] = process.argv.slice(2);
writeFileSync(
  result,
  JSON.stringify(await measure(JSON.parse(film) as MadeFilm, JSON.parse(warmUp) as MadeFilm, dataDir)),
);
