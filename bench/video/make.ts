import { busyFilm, talk } from './films.js';

/** Makes a film in a process of its own, whose memory is not measured: `KIND FOLDER SECONDS NAME`. Tells it as JSON. */
const [kind = '', folder = '', seconds = '', name = ''] = process.argv.slice(2);
const make = kind === 'talk' ? talk : busyFilm;
process.stdout.write(JSON.stringify(await make(folder, Number(seconds), name)));
