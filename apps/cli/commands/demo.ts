import { fileURLToPath } from 'node:url';
import { relative } from 'node:path';
import type { Tessera } from '#pipeline';
import { note, out, paint, seconds } from '../output/print.js';
import { ask } from './ask.js';
import { describe } from './describe.js';
import { transcribe } from './transcribe.js';

const sample = (name: string): string =>
  relative(process.cwd(), fileURLToPath(new URL(`../../../../samples/${name}`, import.meta.url)));

/** The three uses on the sample media, each with its time. */
export async function demo(tessera: Tessera): Promise<number> {
  const film = sample('talk.mp4');
  const steps: { title: string; run(): Promise<number> }[] = [
    { title: `describe ${sample('cat.jpg')}`, run: () => describe(tessera, [sample('cat.jpg')], {}) },
    { title: `describe ${sample('coffee.jpg')}`, run: () => describe(tessera, [sample('coffee.jpg')], {}) },
    {
      title: `transcribe ${sample('speech.flac')}`,
      run: () => transcribe(tessera, [sample('speech.flac')], { format: 'text' }),
    },
    {
      title: `ask "What is said about the coffee?" ${film}`,
      run: () => ask(tessera, 'What is said about the coffee?', [film], {}),
    },
    {
      title: `ask "Where does Molly sleep?" ${film}`,
      run: () => ask(tessera, 'Where does Molly sleep?', [film], {}),
    },
  ];
  let status = 0;
  for (const { title, run } of steps) {
    const started = performance.now();
    out(`\n${paint('bold', `$ tessera ${title}`)}`);
    status = Math.max(status, await run());
    out(paint('dim', `  (${seconds(performance.now() - started)})`));
  }
  note('\nNow: `npm start` keeps the service running; `npm run --silent tessera -- --help` shows what else there is.');
  return status;
}
