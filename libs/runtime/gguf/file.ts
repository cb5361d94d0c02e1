import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { TesseraError } from '#contracts';
import { BLOCK_FORMATS, type BlockFormat } from './blocks.js';
import type { GgufHeader, GgufTensorInfo, GgufValue } from './header.js';
import { HeaderIncomplete, parseGgufHeader } from './header.js';

const FIRST_READ = 4 * 2 ** 20;
const LARGEST_HEADER = 256 * 2 ** 20;

/** Opens a GGUF file and reads its header. The caller closes it. */
export async function openGguf(file: string): Promise<GgufFile> {
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw new TesseraError('model_missing', `Cannot open the model file ${file}.`, { cause });
  });
  try {
    const { size } = await handle.stat();
    for (let length = Math.min(FIRST_READ, size); ; length = Math.min(length * 4, size)) {
      try {
        return new GgufFile(file, handle, size, parseGgufHeader(await read(handle, 0, length)));
      } catch (error) {
        if (!(error instanceof HeaderIncomplete)) throw error;
        if (length >= size || length > LARGEST_HEADER)
          throw new TesseraError('model_invalid', `The GGUF file ${file} ends inside its header: fetch it again.`);
      }
    }
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Reads the header alone: metadata such as the vocabulary. */
export async function readGguf(file: string): Promise<GgufHeader> {
  const gguf = await openGguf(file);
  await gguf.close();
  return gguf.header;
}

export class GgufFile {
  private readonly byName: Map<string, GgufTensorInfo>;

  constructor(
    readonly file: string,
    private readonly handle: FileHandle,
    private readonly size: number,
    readonly header: GgufHeader,
  ) {
    this.byName = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
  }

  get metadata(): Record<string, GgufValue> {
    return this.header.metadata;
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  info(name: string): GgufTensorInfo {
    const tensor = this.byName.get(name);
    if (!tensor) throw new TesseraError('model_invalid', `The GGUF file ${this.file} has no tensor ${name}.`);
    return tensor;
  }

  /** The tensor's values as float32, row-major as in `info(name).dims`. */
  async floats(name: string): Promise<Float32Array<ArrayBuffer>> {
    const { bytes, format } = await this.blocks(name);
    return dequantize(format, bytes, bytes.byteLength / format.bytes);
  }

  /** Name of the format that the file holds a tensor in, such as Q8_0. */
  format(name: string): string {
    return formatOf(this.info(name).type, name).name;
  }

  /** The tensor as the file holds it. */
  async blocks(name: string): Promise<{ bytes: Uint8Array; format: BlockFormat }> {
    const { dims, type, offset } = this.info(name);
    const format = formatOf(type, name);
    const blocks = dims.reduce((a, b) => a * b, 1) / format.values;
    const start = this.header.dataStart + offset;
    if (!Number.isInteger(blocks) || start + blocks * format.bytes > this.size)
      throw new TesseraError('model_invalid', `The tensor ${name} of ${this.file} is cut short: fetch the file again.`);
    return { bytes: await read(this.handle, start, blocks * format.bytes), format };
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

export function dequantize(format: BlockFormat, bytes: Uint8Array, blocks: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(blocks * format.values);
  if (format.name === 'F32') {
    new Uint8Array(out.buffer).set(bytes.subarray(0, out.byteLength));
    return out;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < blocks; i++) format.decode(view, i * format.bytes, out, i * format.values);
  return out;
}

function formatOf(type: number, name: string): BlockFormat {
  const format = BLOCK_FORMATS[type];
  if (!format) {
    const known = Object.values(BLOCK_FORMATS)
      .map(({ name }) => name)
      .join(', ');
    throw new TesseraError('model_invalid', `The tensor ${name} has the GGUF type ${type}; supported are ${known}.`);
  }
  return format;
}

async function read(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(buffer, done, length - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}
