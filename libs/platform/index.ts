import './telemetry.js';
export { loadConfig, type Config } from './config.js';
export { describeSettings } from './settings.js';
export { storable, storableJson } from './storable.js';
export { parseSize, formatSize } from './size.js';
export { createLogger, setLogLevel, type Logger } from './logger.js';
export { fillFile, writeNewFile } from './new-file.js';
export { makeOwnFolder, makeTempFolder, sweepOwnFolders, sweepTempFolders } from './temp.js';
export { inTransaction } from './transaction.js';
export { runProcess, type ProcessOptions, type ProcessOutput } from './process.js';
export { safeFetch, type FetchOptions, type Fetched } from './net/fetch.js';
export { isPublicAddress } from './net/address.js';
export { checkUrl, type UrlRules } from './net/rules.js';
export { orAfter } from './deadline.js';
export { readiness, serveHealth, type HealthServer } from './health.js';
export { collectMetrics, counter, gauge, histogram, renderMetrics } from './metrics.js';
export {
  beginWork,
  recordWork,
  startTraces,
  traceCarrier,
  traced,
  type TraceCarrier,
  type TracedWork,
} from './traces.js';
