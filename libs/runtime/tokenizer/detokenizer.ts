/** Tokens in, text out, as it becomes whole: a token may hold part of a UTF-8 character, which waits for the rest. */
export class Detokenizer {
  private readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  constructor(private readonly bytesOf: (id: number) => Uint8Array) {}

  /** The text that this token completes; often all of it, sometimes none. */
  push(id: number): string {
    return this.decoder.decode(this.bytesOf(id), { stream: true });
  }

  /** What is left: a character that never became whole is U+FFFD. */
  end(): string {
    return this.decoder.decode();
  }
}
