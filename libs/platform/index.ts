export { loadConfig, type Config } from './config.js';
export { describeSettings } from './settings.js';
export { parseSize, formatSize } from './size.js';
export { createLogger, setLogLevel, type Logger } from './logger.js';
export { runProcess, type ProcessOptions, type ProcessOutput } from './process.js';
export { safeFetch, type FetchOptions, type Fetched } from './net/fetch.js';
export { isPublicAddress } from './net/address.js';
export { checkUrl, type UrlRules } from './net/rules.js';
export { counter, gauge, histogram, renderMetrics } from './metrics.js';
