import { captionValidation } from './eval/data.js';
import { answerAll, fileSource } from './eval/answer-all.js';
import { describeTree } from '#jobs';
import { openTessera } from '#pipeline';
import { loadConfig } from '#platform';
import { detailArgument, evalArguments } from './arguments.js';
import { report } from './report.js';

/** Milliseconds a photograph from file to description, after loading, on 50 photographs that no cache knows. `--detail low|high`. */
export async function run(args: string[]): Promise<void> {
  const { data, limit, rest } = evalArguments(args, { detail: { type: 'string' } });
  const detail = detailArgument(rest);
  const items = (await captionValidation(data)).slice(0, (limit ?? 50) + 2);
  const opened = performance.now();
  const tessera = await openTessera(loadConfig(), { private: true });
  try {
    const tree = (item: (typeof items)[number]) => describeTree(fileSource(data, item.file), { detail });
    const [warmUp, measured] = [items.slice(0, 2), items.slice(2)];
    await answerAll(tessera, warmUp, tree);
    const loading = performance.now() - opened;
    const started = performance.now();
    await answerAll(tessera, measured, tree);
    report('describe', [
      {
        photographs: measured.length,
        detail: detail ?? 'auto',
        'load s': loading / 1000,
        'ms a photograph': (performance.now() - started) / measured.length,
      },
    ]);
  } finally {
    await tessera.close();
  }
}
