import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['tessera-source'] },
  ssr: { resolve: { conditions: ['tessera-source'] } },
  test: {
    // Forked processes, not VM contexts: onnxruntime-node's binding checks `instanceof` across realms.
    pool: 'forks',
    maxWorkers: 2,
    // A test that hangs is told all the same; one on a busy machine is not one that hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['libs/**/*.spec.ts', 'encoders/**/*.spec.ts', 'apps/**/*.spec.ts', 'bench/**/*.spec.ts'] },
      },
      {
        extends: true,
        test: { name: 'integration', include: ['test/integration/**/*.spec.ts'] },
      },
    ],
  },
});
