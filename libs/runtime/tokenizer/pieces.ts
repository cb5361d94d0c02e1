/** How one kind of vocabulary writes text: what a tokenizer needs of it beside control tokens. */
export interface Pieces {
  /** Token ids of text in which no control token is looked for; `first`: nothing stands before it. */
  encode(text: string, first: boolean): number[];
  /** The bytes that a token stands for. */
  bytes(id: number): Uint8Array;
  /** A control or user-defined entry as it is met in text. */
  name(entry: string): string;
}
