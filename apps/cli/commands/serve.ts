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
  const stopTraces = await startTraces(config.traces.endpoint, role === 'serve' ? 'tessera' : `tessera-${role}`);
  const running = await ROLES[role](config);
  note(running.greeting);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  note('Stopping: running work is finished first.');
  await running.close();
  await stopTraces();
  return 0;
}
