/** What this folder uses of WebAssembly's JavaScript interface, which TypeScript declares for browsers alone. */
declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { initial: number; maximum: number; shared: true });
    /** Grows when the memory does: views over what was there before stay valid. */
    readonly buffer: SharedArrayBuffer;
    /** By pages of 64 KiB. */
    grow(pages: number): number;
  }
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports: { env: { memory: Memory } });
    readonly exports: Readonly<Record<string, unknown>>;
  }
}
