/** Named checks that are told as they end. One that fails stops no other. */
export class Checks {
  passed = 0;
  failed = 0;

  async run(name: string, check: () => Promise<void>): Promise<void> {
    const started = performance.now();
    try {
      await check();
      this.passed++;
      console.log(`✓ ${name} (${Math.round(performance.now() - started)} ms)`);
    } catch (error) {
      this.failed++;
      console.log(`✗ ${name}: ${(error as Error).message}`);
    }
  }

  /** The figures of vitest's JSON report, which .ci/sum.js adds up. */
  toReport(): { numPassedTests: number; numFailedTests: number; numPendingTests: number } {
    return { numPassedTests: this.passed, numFailedTests: this.failed, numPendingTests: 0 };
  }
}
