import { moved, release, serveWorker } from '#runtime';
import { FAMILIES, type ModelFiles } from './families.js';
import type { RecogniseRequest, SpeechModel } from './recognition.js';

let model: SpeechModel | undefined;

serveWorker({
  async load(files: ModelFiles) {
    model = await FAMILIES[files.family].open(files);
    return moved(model.languages, []);
  },

  async recognise(request: RecogniseRequest) {
    const recognitions = await model!.recognise(request);
    release(request.utterances.map(({ buffer }) => buffer));
    return moved(recognitions, []);
  },
});
