import { open, type FileHandle } from 'node:fs/promises';
import { TesseraError } from '#contracts';
import { halfToFloat } from '../gguf/blocks.js';
import { invalid, parseSafetensorsHeader, type SafetensorsInfo, type SafetensorsType } from './header.js';

const LARGEST_HEADER = 100 * 2 ** 20;

/**
 * Opens a safetensors file; tensors are read when they are asked for. The caller closes it.
 * @throws TesseraError `model_missing`, `model_invalid`
 */
export async function readSafetensors(file: string): Promise<SafetensorsFile> {
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw new TesseraError('model_missing', `Cannot open the model file ${file}.`, { cause });
  });
  try {
    const { size } = await handle.stat();
    const length = Number((await read(handle, 0, 8)).readBigUInt64LE());
    if (length > Math.min(size - 8, LARGEST_HEADER)) throw invalid(`it says its header has ${length} bytes`);
    const json = (await read(handle, 8, length)).toString('utf8');
    return new SafetensorsFile(handle, parseSafetensorsHeader(json, 8 + length, size));
  } catch (error) {
    await handle.close();
    throw error;
  }
}

export class SafetensorsFile {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, SafetensorsInfo>;

  constructor(
    private readonly handle: FileHandle,
    header: ReturnType<typeof parseSafetensorsHeader>,
  ) {
    this.metadata = header.metadata;
    this.tensors = header.tensors;
  }

  /** @throws TesseraError `model_invalid` if there is none of that name, or of another shape than the one given */
  info(name: string, shape?: readonly number[]): SafetensorsInfo {
    const info = this.tensors.get(name);
    if (!info) throw invalid(`it holds no tensor "${name}"`);
    if (shape && shape.join() !== info.shape.join())
      throw invalid(`tensor "${name}" is [${info.shape}], [${shape}] is needed`);
    return info;
  }

  /** The tensor's bytes as they are in the file. */
  bytes(name: string): Promise<Buffer> {
    const [start, end] = this.info(name).range;
    return read(this.handle, start, end - start);
  }

  /** The tensor's values, row-major. */
  async floats(name: string, shape?: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    const { type } = this.info(name, shape);
    return TO_FLOATS[type](await this.bytes(name));
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

const TO_FLOATS: { [T in SafetensorsType]: (bytes: Buffer) => Float32Array<ArrayBuffer> } = {
  F32: (bytes) => new Float32Array(copy(bytes)),
  F16: (bytes) => {
    const halves = new Uint16Array(copy(bytes));
    const out = new Float32Array(halves.length);
    // A loop: Float32Array.from with a function takes ten times as long.
    for (let i = 0; i < out.length; i++) out[i] = halfToFloat(halves[i]!);
    return out;
  },
  BF16: (bytes) => {
    const halves = new Uint16Array(copy(bytes));
    const out = new Uint32Array(halves.length);
    // A bfloat16 is the upper half of a float32.
    for (let i = 0; i < out.length; i++) out[i] = halves[i]! << 16;
    return new Float32Array(out.buffer);
  },
};

/** An ArrayBuffer of its own: aligned for any element type. */
const copy = (bytes: Buffer): ArrayBuffer => new Uint8Array(bytes).buffer;

async function read(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await handle.read(buffer, done, length - done, position + done);
    if (bytesRead === 0) throw invalid('it ends too early');
    done += bytesRead;
  }
  return buffer;
}
