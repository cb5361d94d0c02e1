export { COMPUTING, giveWay } from './workers/priority.js';
export { release } from './workers/release.js';
export { moduleProgram, spawnWorker } from './workers/spawn.js';
export { WorkerClient, type CallOptions } from './workers/client.js';
export { moved, serveWorker } from './workers/serve.js';
export { SessionHost, createSession } from './sessions/session-host.js';
export { LocalSession, availableProviders, openSession } from './sessions/local-session.js';
export type { OnnxSession, RunOptions, SessionOptions } from './sessions/session.js';
export {
  elements,
  tensor,
  type Feeds,
  type Tensor,
  type TensorData,
  type TensorInfo,
  type TensorType,
} from './sessions/tensor.js';
export { Graph, MICROSOFT, type NodeOptions } from './onnx/graph.js';
export { buildOnce } from './onnx/build-once.js';
export { encodeModel, hashModel, writeModel, writeModels } from './onnx/model.js';
export { readOnnx, type OnnxContents, type OnnxNode } from './onnx/reader.js';
export { GgufFile, openGguf, readGguf } from './gguf/file.js';
export type { GgufHeader, GgufTensorInfo, GgufValue } from './gguf/header.js';
export { findPack, listPacks, projectRoot, type FoundPack } from './packs/manifests.js';
export {
  installPack,
  packId,
  verifyPack,
  type PackOptions,
  type PackProgress,
  type VerifiedFile,
} from './packs/install.js';
export {
  describeModels,
  type DescribedFile,
  type DescribedPack,
  type DescribeOptions,
  type ModelsReport,
} from './packs/describe.js';
export { openAddon, type OpenedAddon } from './native/addon.js';
export { settleMalloc } from './native/malloc.js';
export { readCpu, type Cpu } from './providers/cpu.js';
export { choosePrecision } from './providers/precision.js';
export { probeProviders, type ProviderReport } from './providers/probe.js';
export { hashFile } from './sources/hash.js';
export type { HubOptions } from './sources/download.js';
export { Detokenizer } from './tokenizer/detokenizer.js';
export { Tokenizer } from './tokenizer/tokenizer.js';
export { readSafetensors, SafetensorsFile } from './safetensors/file.js';
export type { SafetensorsInfo, SafetensorsType } from './safetensors/header.js';
export { buildConnector } from './connector/build-connector.js';
export {
  ARCHITECTURES,
  readConfig,
  readDecoderConfig,
  type Architecture,
  type DecoderConfig,
} from './graph/architecture.js';
export { rotaryFrequencies, type RotaryShape } from './graph/rotary.js';
export { buildDecoderGraphs, decoderGraphsId, type DecoderGraphOptions, type DecoderGraphs } from './graph/build.js';
export { readAdapter } from './graph/adapter.js';
export { toHalves, type Adapter } from './graph/weights.js';
export { EmbeddingTable, type ReadRow } from './graph/embeddings.js';
export type { Precision, QuantisedKernel } from './graph/linear.js';
export type { PageScore, SelectOptions } from './graph/select.js';
