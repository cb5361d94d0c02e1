/** Compiles assembly/. @returns the contents of generated/kernel.ts */
export function compileKernel(): Promise<string>;
