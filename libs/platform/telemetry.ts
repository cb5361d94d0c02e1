/**
 * onnxruntime 1.30 reports its use to its maker and leaves log files in the temp folder, unless this is set before it is
 * loaded. Media are nobody else's business: it is off, whoever embeds us. The native library reads the process's own
 * environment, so this has to run in the main thread, which imports this library before any worker starts.
 */
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
