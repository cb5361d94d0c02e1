import { importPeer } from './peers.js';

type Token = number;

interface Sequence {
  evaluate(tokens: Token[], options?: object): AsyncGenerator<Token>;
}

interface Llama {
  loadModel(options: { modelPath: string }): Promise<{
    tokenize(text: string): Token[];
    createContext(options: object): Promise<{ getSequence(): Sequence; dispose(): Promise<void> }>;
    dispose(): Promise<void>;
  }>;
  dispose(): Promise<void>;
}

interface NodeLlamaCpp {
  getLlama(options: object): Promise<Llama>;
}

export interface Speed {
  /** Tokens a second, and how many of them there were. */
  prefill: number;
  decode: number;
  promptTokens: number;
}

/** llama.cpp by node-llama-cpp, with the same GGUF and the same number of threads. */
export interface LlamaPeer {
  measure(text: string, answerTokens: number): Promise<Speed>;
  dispose(): Promise<void>;
}

/** @throws TesseraError tool_missing when the peers are not installed */
export async function openLlamaPeer(gguf: string, threads: number): Promise<LlamaPeer> {
  const { getLlama } = await importPeer<NodeLlamaCpp>('node-llama-cpp/dist/index.js');
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error', maxThreads: threads });
  const model = await llama.loadModel({ modelPath: gguf });
  return {
    async measure(text, answerTokens) {
      const tokens = model.tokenize(text);
      const size = tokens.length + answerTokens + 16;
      const context = await model.createContext({ contextSize: size, batchSize: 512, threads });
      try {
        const started = performance.now();
        let first = 0;
        let made = 0;
        for await (const _ of context.getSequence().evaluate(tokens, { temperature: 0, yieldEogToken: true })) {
          if (made === 0) first = performance.now();
          if (++made > answerTokens) break;
        }
        const ended = performance.now();
        return {
          prefill: tokens.length / ((first - started) / 1000),
          decode: (made - 1) / ((ended - first) / 1000),
          promptTokens: tokens.length,
        };
      } finally {
        await context.dispose();
      }
    },
    async dispose() {
      await model.dispose();
      await llama.dispose();
    },
  };
}
