import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { Detail, TesseraError, TranscriptFormat } from '#contracts';
import { loadConfig, setLogLevel, type Config } from '#platform';
import type { OpenOptions, Tessera } from '#pipeline';
import { note, paint } from './output/print.js';

const USAGE = 2;

/** A command line's own log is quiet, because what a person asked for is the output; `--verbose` tells all. */
function configuration(quiet: boolean): Config {
  const config = loadConfig();
  if (process.argv.includes('--verbose')) setLogLevel('debug');
  else if (quiet && config.log.level === 'info') setLogLevel('warn');
  return config;
}

/** Ends the process before its work is done. */
let leave = (status: number): void => process.exit(status);

/** A reader that went away (`| head`) has what it wanted: that is no fault. */
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    leave(0);
  });

/** Opens the service for one call, and closes it whatever happens; an interrupt cancels what runs. */
async function withTessera(warm: OpenOptions['warm'], work: (tessera: Tessera) => Promise<number>): Promise<number> {
  const { openTessera } = await import('#pipeline');
  const tessera = await openTessera(configuration(true), { private: true, warm });
  const atOnce = leave;
  leave = (status) => {
    leave = () => undefined;
    void tessera.close().finally(() => process.exit(status));
  };
  const interrupt = (): void => leave(130);
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    return await work(tessera);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    leave = atOnce;
    await tessera.close();
  }
}

function positive(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number <= 0) throw new InvalidArgumentError('It is a whole number above 0.');
  return number;
}

function trackNumber(value: string): number {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError('It is the number of a track.');
  return Number(value);
}

function replacement(value: string, before: { from: string; to: string }[] = []): { from: string; to: string }[] {
  const at = value.indexOf('=');
  if (at <= 0) throw new InvalidArgumentError('It is written as from=to.');
  return [...before, { from: value.slice(0, at), to: value.slice(at + 1) }];
}

function detail(): Option {
  return new Option('--detail <how>', 'a picture that is alone: as a whole (low), or its quarters as well (high)')
    .choices(Detail.options)
    .default('auto');
}

function program(finish: (status: number) => void): Command {
  const root = new Command('tessera')
    .description('Describe pictures, transcribe recordings, and ask questions about any mix of media.')
    .option('--verbose', 'log what happens, to stderr')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();

  root
    .command('describe')
    .argument('<file|url...>')
    .description('say what is to be seen')
    .option('--json', 'one JSON object a line')
    .option('--prompt <instruction>', 'what to say about the picture')
    .addOption(detail())
    .action(async (inputs: string[], options) => {
      const { describe } = await import('./commands/describe.js');
      finish(await withTessera(['vision', 'decoder'], (tessera) => describe(tessera, inputs, options)));
    });

  root
    .command('transcribe')
    .argument('<file|url...>')
    .description('write down what is said')
    .option('--json', 'one JSON object a line')
    .addOption(
      new Option('--format <format>', 'form of the transcript').choices(TranscriptFormat.options).default('text'),
    )
    .option('--words', 'with the times of words')
    .addOption(new Option('--channels <how>', 'stereo as one, or each channel apart').choices(['mix', 'separate']))
    .option('--track <n>', 'which track of the file, by its number', trackNumber)
    .option('--language <code>', 'language of the speech')
    .option('--translate', 'into English')
    .option('--prompt <text>', 'what came before, or what it is about: its names are likely to be said')
    .option('--hotwords <words>', 'words that are likely to be said, with commas between them')
    .option('--replace <from=to...>', 'how words are to be written', replacement)
    .action(async (inputs: string[], options) => {
      const { transcribe } = await import('./commands/transcribe.js');
      finish(await withTessera(['speech'], (tessera) => transcribe(tessera, inputs, options)));
    });

  root
    .command('ask')
    .argument('<question>')
    .argument('<file|url...>')
    .description('answer a question about all of the media together, with what the answer rests on')
    .option('--json', 'one JSON object')
    .option('--selected-tokens <n>', 'attention budget in tokens', positive)
    .addOption(detail())
    .option('--summary', 'a summary part by part, each sentence with what it rests on')
    .action(async (question: string, inputs: string[], options) => {
      const { ask } = await import('./commands/ask.js');
      finish(await withTessera(['decoder'], (tessera) => ask(tessera, question, inputs, options)));
    });

  for (const [role, description] of [
    ['serve', 'keep the service running on one port'],
    ['api', 'the HTTP and gRPC edge alone, without models'],
    ['worker', 'a process that takes jobs; many may run'],
    ['decoder', 'the decoder alone, for workers that name it by TESSERA_DECODER_URL'],
  ] as const)
    root
      .command(role)
      .description(description)
      .action(async () => {
        const { run } = await import('./commands/serve.js');
        finish(await run(role, configuration(false)));
      });

  root
    .command('demo')
    .description('all three on the sample media')
    .action(async () => {
      const { demo } = await import('./commands/demo.js');
      finish(await withTessera(['vision', 'decoder', 'speech'], (tessera) => demo(tessera)));
    });

  const models = root.command('models').description('the model packs of this machine');
  const pack = 'name of the pack';
  models
    .command('list')
    .description('packs, their files and licences, and what runs where')
    .option('--json', 'as JSON')
    .action(async (options) => {
      const { list } = await import('./commands/models.js');
      finish(await list(configuration(true), options));
    });
  models
    .command('pull')
    .argument('[pack]', pack)
    .description('fetch what is missing')
    .action(async (name: string | undefined) => {
      const { pull } = await import('./commands/models.js');
      finish(await pull(configuration(true), name));
    });
  models
    .command('verify')
    .argument('[pack]', pack)
    .description('hash every file again')
    .action(async (name: string | undefined) => {
      const { verify } = await import('./commands/models.js');
      finish(await verify(configuration(true), name));
    });

  const keys = root.command('keys').description('who may call the service (TESSERA_AUTH=true)');
  keys
    .command('create')
    .argument('<name>')
    .description('make a key and print its secret, once')
    .option('--tenant <name>', 'whose media and jobs the key sees')
    .option('--scopes <list>', 'read, write, admin', 'read,write')
    .option('--json', 'as JSON')
    .action(async (name: string, options) => {
      const { create } = await import('./commands/keys.js');
      finish(await create(configuration(true), name, options));
    });
  keys
    .command('list')
    .description('keys and what they may do')
    .option('--json', 'one JSON object a line')
    .action(async (options) => {
      const { list } = await import('./commands/keys.js');
      finish(await list(configuration(true), options));
    });
  keys
    .command('revoke')
    .argument('<id>')
    .description('end a key')
    .action(async (id: string) => {
      const { revoke } = await import('./commands/keys.js');
      finish(await revoke(configuration(true), id));
    });

  for (const kind of ['bench', 'eval'] as const) {
    root
      .command(kind)
      .argument('<name>')
      .argument('[options...]')
      .allowUnknownOption()
      .description(
        kind === 'bench' ? 'measure speed, with the peer in the same run' : 'measure how right the answers are',
      )
      .action(async (name: string, options: string[]) => {
        const { measure } = await import('./commands/measure.js');
        finish(await measure(kind, name, options));
      });
  }
  return root;
}

async function main(): Promise<number> {
  let status = 0;
  try {
    await program((code) => (status = code)).parseAsync();
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    const known = TesseraError.from(error);
    note(`${paint('red', 'error', process.stderr)} ${known.message} (${known.code})`);
    if (known.code === 'internal' && process.argv.includes('--verbose'))
      note(String((known.cause as Error | undefined)?.stack ?? known.cause));
    return 1;
  }
}

process.exitCode = await main();
// Worker threads of native libraries can outlive their sessions; results are flushed by now.
if (process.stdout.writableLength === 0) process.exit();
else process.stdout.once('drain', () => process.exit());
