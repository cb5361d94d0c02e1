import { WorkerClient } from '#runtime';
import type { ModelFiles } from './families.js';
import type { Recognition, RecogniseRequest } from './recognition.js';

/** Most of what a worker makes is buffers outside of its heap, which go with the next collection: a small nursery is collected soon. */
const LIMITS = { maxYoungGenerationSizeMb: 8 };

/** Worker threads with a copy of the model each; what comes is done by the first that is free. */
export class SpeechWorkers {
  private readonly idle: WorkerClient[] = [];
  private readonly wanting: ((worker: WorkerClient) => void)[] = [];
  /** How often a worker had died when it loaded the model: after one more death the model is gone. */
  private readonly generations = new Map<WorkerClient, number>();

  /** Those that were not asked to load the model yet. */
  private readonly fresh: WorkerClient[];

  private constructor(
    private readonly workers: readonly WorkerClient[],
    private readonly files: ModelFiles,
  ) {
    this.fresh = workers.slice(1);
  }

  /**
   * Resolves when the first worker has loaded the model; the others load, and join, when it has given its first text or somebody waits:
   * before that they would take the cores from it. @throws what the first worker met
   */
  static async open(files: ModelFiles, count: number): Promise<{ workers: SpeechWorkers; languages: string[] }> {
    const entry = new URL('./speech-worker.js', import.meta.url);
    const clients = Array.from(
      { length: count },
      (_, i) => new WorkerClient(entry, { name: `speech ${i + 1}`, resourceLimits: LIMITS }),
    );
    const workers = new SpeechWorkers(clients, files);
    try {
      const languages = await workers.load(clients[0]!);
      workers.free(clients[0]!);
      return { workers, languages };
    } catch (error) {
      await workers.dispose();
      throw error;
    }
  }

  /** The utterances' memory goes to the worker: the caller has them no more. */
  async recognise(request: RecogniseRequest, signal: AbortSignal | undefined): Promise<Recognition[]> {
    const worker = this.idle.pop() ?? (await this.next());
    try {
      if (this.generations.get(worker) !== worker.generation) await this.load(worker);
      const transfer = request.utterances.map(({ buffer }) => buffer as ArrayBuffer);
      return await worker.call<Recognition[]>('recognise', request, { signal, transfer });
    } finally {
      this.free(worker);
      this.loadOthers();
    }
  }

  async dispose(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.dispose()));
  }

  private next(): Promise<WorkerClient> {
    this.loadOthers();
    return new Promise((resolve) => this.wanting.push(resolve));
  }

  /** One that cannot load the model has run out of memory: the others do its work. */
  private loadOthers(): void {
    for (const worker of this.fresh.splice(0))
      void this.load(worker).then(
        () => this.free(worker),
        () => undefined,
      );
  }

  private async load(worker: WorkerClient): Promise<string[]> {
    const { generation } = worker;
    const languages = await worker.call<string[]>('load', this.files);
    this.generations.set(worker, generation);
    return languages;
  }

  private free(worker: WorkerClient): void {
    const next = this.wanting.shift();
    if (next) next(worker);
    else this.idle.push(worker);
  }
}
