import { pino, type DestinationStream, type Logger as PinoLogger } from 'pino';

export type Logger = PinoLogger;

/** Paths whose values never reach a log line. */
const SECRETS = [
  'authorization',
  'cookie',
  'apiKey',
  'password',
  'secret',
  'token',
  '*.authorization',
  '*.cookie',
  '*.apiKey',
  '*.password',
  '*.secret',
  'req.headers.authorization',
  'req.headers.cookie',
  'headers["x-api-key"]',
];

const COLOURS: Record<number, string> = {
  10: '\x1b[90m',
  20: '\x1b[90m',
  30: '\x1b[32m',
  40: '\x1b[33m',
  50: '\x1b[31m',
  60: '\x1b[35m',
};

/** One short coloured line for a person at a terminal; machines get pino's JSON. */
function terminal(): DestinationStream {
  return {
    write(line: string) {
      const {
        level,
        time,
        name,
        msg,
        pid: _pid,
        hostname: _hostname,
        ...rest
      } = JSON.parse(line) as Record<string, unknown>;
      const fields = Object.keys(rest).length === 0 ? '' : ` \x1b[90m${JSON.stringify(rest)}\x1b[0m`;
      const clock = new Date(Number(time)).toISOString().slice(11, 19);
      const label = pino.levels.labels[Number(level)] ?? String(level);
      process.stderr.write(
        `${clock} ${COLOURS[Number(level)] ?? ''}${label}\x1b[0m ${String(name)}: ${String(msg ?? '')}${fields}\n`,
      );
    },
  };
}

let root: Logger | undefined;

function rootLogger(): Logger {
  root ??= pino(
    { level: process.env['TESSERA_LOG_LEVEL'] || 'info', redact: { paths: SECRETS, censor: '[secret]' } },
    process.stderr.isTTY ? terminal() : pino.destination({ dest: 2, sync: true }),
  );
  return root;
}

/** A logger that writes to stderr; stdout belongs to results. Secrets are redacted. */
export function createLogger(name: string): Logger {
  return rootLogger().child({ name });
}

/** Changes the level of loggers made from now on. */
export function setLogLevel(level: string): void {
  rootLogger().level = level;
}
