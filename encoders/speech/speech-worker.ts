import { moved, serveWorker } from '#runtime';
import { Moonshine, type MoonshineFiles, type MoonshineRequest } from './moonshine/moonshine.js';

let model: Moonshine | undefined;

serveWorker({
  async load(files: MoonshineFiles) {
    model = await Moonshine.open(files);
    return moved(undefined, []);
  },

  async recognise(request: MoonshineRequest) {
    return moved(await model!.recognise(request), []);
  },
});
