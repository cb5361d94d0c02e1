/**
 * GPT-2's byte alphabet: a byte-level vocabulary writes every byte as one printable character, the printable ones of
 * Latin-1 as themselves and the rest as U+0100 and up, in order.
 */
const BYTE_OF = new Map<string, number>();
{
  const printable = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  for (let byte = 0; byte < 256; byte++) BYTE_OF.set(String.fromCharCode(printable(byte) ? byte : next++), byte);
}

/** The bytes that a vocabulary entry stands for. */
export function entryBytes(entry: string): Uint8Array {
  return Uint8Array.from(entry, (character) => BYTE_OF.get(character) ?? 0x3f);
}
