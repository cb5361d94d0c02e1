import { startTraces, type Config } from '#platform';
import { note } from '../output/print.js';

interface Running {
  greeting: string;
  close(): Promise<void>;
}

/** The roles that a process can have. Each loads no more than it needs. */
const ROLES = {
  serve: async (config: Config): Promise<Running> => {
    const [{ startEdge }, { openTessera }] = await Promise.all([import('../../api/index.js'), import('#pipeline')]);
    const tessera = await openTessera(config);
    try {
      const edge = await startEdge(tessera);
      const close = async (): Promise<void> => {
        await edge.close();
        await tessera.close();
      };
      return { greeting: edge.greeting, close };
    } catch (error) {
      await tessera.close();
      throw error;
    }
  },
  api: async (config: Config): Promise<Running> => (await import('../../api/index.js')).startApi(config),
  worker: async (config: Config): Promise<Running> => (await import('../../worker/index.js')).startWorker(config),
  decoder: async (config: Config): Promise<Running> => (await import('../../decoder/index.js')).startDecoder(config),
} as const;

export type Role = keyof typeof ROLES;

/** Runs a role until SIGINT or SIGTERM; then running work is finished. */
export async function run(role: Role, config: Config): Promise<number> {
  // First of all: a database that has been started is to be stopped again, and the first process of a container ignores what it does not handle.
  let open = false;
  const stopped = new Promise<void>((resolve) => {
    const stop = () => {
      note(open ? 'Stopping: running work is finished first.' : 'Stopping as soon as it has started.');
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  });
  const stopTraces = await startTraces(config.traces.endpoint, role === 'serve' ? 'tessera' : `tessera-${role}`);
  const running = await ROLES[role](config);
  open = true;
  note(running.greeting);
  await stopped;
  await running.close();
  await stopTraces();
  return 0;
}
