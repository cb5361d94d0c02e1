import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync, type Options, type PackageDefinition } from '@grpc/proto-loader';
import type { ProtoGrpcType as DecoderProto } from './generated/decoder.js';
import type { ProtoGrpcType as JobsProto } from './generated/jobs.js';
import type { ProtoGrpcType as MediaProto } from './generated/media.js';

/** The same as in `npm run proto`, which writes the types of what these options load. */
const OPTIONS: Options = { longs: Number, enums: String, defaults: true, oneofs: true };
const FILES = ['tessera/v1/decoder.proto', 'tessera/v1/jobs.proto', 'tessera/v1/media.proto'];

/** The folder `proto` of the project: both the sources and `dist/` are inside of it. */
function protoFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'proto', FILES[0] as string))) {
    if (dirname(folder) === folder) throw new Error('the folder proto is missing');
    folder = dirname(folder);
  }
  return join(folder, 'proto');
}

/** Everything that `proto/tessera/v1` defines. */
export const definition: PackageDefinition = loadSync(FILES, { ...OPTIONS, includeDirs: [protoFolder()] });

const loaded = loadPackageDefinition(definition) as unknown as DecoderProto & JobsProto & MediaProto;

export const { Decoder, Jobs, Media } = loaded.tessera.v1;
