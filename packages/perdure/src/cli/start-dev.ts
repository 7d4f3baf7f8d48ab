/**
 * `perdure server start-dev`: opens the server, says where it is once it accepts calls, and stops it cleanly.
 *
 * The banner is the sign that the port accepts; scripts wait for it. The first SIGINT or SIGTERM stops the server in order (waiting polls
 * answer empty, commits under way are awaited, the file is closed) and the exit code is 0. A second one ends the process at once, which
 * loses nothing that was acknowledged either.
 */
import path from 'node:path';
import { consoleLogger, LOG_LEVELS, startServer, type Logger, type LogLevel, type Server, type ServerOptions } from '../server/index.js';
import { ExitCode, type FlagValues } from './spec.js';
import { startDevFlags } from './start-dev-flags.js';
import { explainStartFailure } from './start-failure.js';
import { packageVersion } from './version.js';

const DEFAULT_FILENAME = path.join('.perdure', 'dev.db');
const DEFAULT_NAMESPACE = 'default';
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export async function startDev(flags: FlagValues): Promise<ExitCode> {
  const logger = consoleLogger({ level: logLevel(flags), format: flags.string('log-format') === 'json' ? 'json' : 'text' });
  sayWhatHasNoEffect(flags, logger);
  if (flags.bool('ephemeral') && flags.string('db-filename') !== undefined) {
    process.stderr.write('Give either --db-filename or --ephemeral: data is kept in a file or in memory.\n');
    return ExitCode.USAGE;
  }
  const options = serverOptions(flags, logger);
  const stop = onStopSignal();
  let server: Server;
  try {
    server = await startServer(options);
  } catch (error) {
    process.stderr.write(`${explainStartFailure(error, options)}\n`);
    return ExitCode.FAILURE;
  }
  process.stdout.write(banner(server, options));
  await stop;
  await server.close();
  return ExitCode.OK;
}

function serverOptions(flags: FlagValues, logger: Logger): ServerOptions {
  return {
    ...(flags.bool('ephemeral') ? { ephemeral: true } : { filename: path.resolve(flags.string('db-filename') ?? DEFAULT_FILENAME) }),
    ...(flags.string('ip') !== undefined && { ip: flags.string('ip') }),
    ...(flags.int('port') !== undefined && { port: flags.int('port') }),
    namespaces: flags.strings('namespace'),
    logger,
  };
}

function logLevel(flags: FlagValues): LogLevel {
  return LOG_LEVELS.find((level) => level === flags.string('log-level')) ?? 'warn';
}

function sayWhatHasNoEffect(flags: FlagValues, logger: Logger): void {
  for (const name of flags.names()) {
    if (startDevFlags.some((flag) => flag.name === name && flag.withoutEffect)) logger.debug(`--${name} is accepted and has no effect yet.`);
  }
}

/** Resolves at the first signal; the second one ends the process. */
function onStopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let stopping = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (stopping) process.exit(signal === 'SIGINT' ? 130 : 143);
      stopping = true;
      resolve();
    };
    for (const signal of SIGNALS) process.on(signal, onSignal);
  });
}

function banner(server: Server, options: ServerOptions): string {
  const names = [...new Set([DEFAULT_NAMESPACE, ...(options.namespaces ?? [])])];
  return [
    `Perdure ${packageVersion()}, ready in ${Math.round(performance.now())} ms`,
    '',
    `  Server      ${server.address}  (gRPC)`,
    `  Data        ${options.filename ?? 'in memory: gone when the server stops'}`,
    `  Namespaces  ${names.join(', ')}`,
    '',
    'Ctrl-C stops it.',
    '',
  ].join('\n');
}
