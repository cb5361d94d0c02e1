import { release } from '../workers/release.js';
import { moved, serveWorker } from '../workers/serve.js';
import { openSession, type LocalSession } from './local-session.js';
import type { SessionOptions } from './session.js';
import type { Feeds, TensorInfo } from './tensor.js';

/** What `load` answers. */
export interface LoadedSession {
  id: number;
  inputs: readonly TensorInfo[];
  outputs: readonly TensorInfo[];
  executionProvider: string;
  warnings: readonly string[];
}

const sessions = new Map<number, LocalSession>();
let nextId = 0;

serveWorker({
  async load(options: SessionOptions) {
    const session = await openSession(options);
    const id = nextId++;
    sessions.set(id, session);
    const { inputs, outputs, executionProvider, warnings } = session;
    return moved({ id, inputs, outputs, executionProvider, warnings } satisfies LoadedSession, []);
  },

  async run({ id, feeds, outputs }: { id: number; feeds: Feeds; outputs?: readonly string[] }) {
    const results = await sessions.get(id)!.run(feeds, { outputs });
    release(Object.values(feeds).map(({ data }) => data.buffer));
    return moved(
      results,
      Object.values(results).map(({ data }) => data.buffer as ArrayBuffer),
    );
  },

  async release(id: number) {
    await sessions.get(id)?.dispose();
    sessions.delete(id);
    return moved(undefined, []);
  },
});
