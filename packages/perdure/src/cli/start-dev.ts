/**
 * `perdure server start-dev`: opens the server, says where it is once it accepts calls, and stops it cleanly.
 *
 * The banner is the sign that the port accepts; scripts wait for it. The first SIGINT or SIGTERM stops the server in order (waiting polls
 * answer empty, commits under way are awaited, the file is closed) and the exit code is 0. A second one ends the process at once, which
 * loses nothing that was acknowledged either.
 */
import path from 'node:path';
import { checkCallbackAddress, consoleLogger, LOG_LEVELS, readLimitSettings, startServer, type Limits, type Logger, type LogLevel, type SearchAttributeTypeName, type Server, type ServerOptions } from '../server/index.js';
import { UsageError } from './parse.js';
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
  if (flags.bool('test-service') && flags.string('db-filename') !== undefined) {
    process.stderr.write('Give either --db-filename or --test-service: data whose time was skipped lies in the future, so it is not kept.\n');
    return ExitCode.USAGE;
  }
  const options = serverOptions(flags, logger);
  const stop = onStopSignal();
  let server: Server;
  try {
    server = flags.bool('test-service') ? await (await import('../testing/test-server.js')).startTestServer(options) : await startServer(options);
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
    ...(flags.bool('ephemeral') || flags.bool('test-service') ? { ephemeral: true } : { filename: path.resolve(flags.string('db-filename') ?? DEFAULT_FILENAME) }),
    ...(flags.string('ip') !== undefined && { ip: flags.string('ip') }),
    ...(flags.int('port') !== undefined && { port: flags.int('port') }),
    ...(flags.int('http-port') !== undefined && { httpPort: flags.int('http-port') }),
    ...(flags.int('metrics-port') !== undefined && { metricsPort: flags.int('metrics-port') }),
    namespaces: flags.strings('namespace'),
    limits: limits(flags, logger),
    searchAttributes: searchAttributes(flags),
    callbackAddresses: callbackAddresses(flags),
    logger,
  };
}

function searchAttributes(flags: FlagValues): Record<string, SearchAttributeTypeName> {
  return Object.fromEntries(flags.strings('search-attribute').map((attribute) => attribute.split('=') as [string, SearchAttributeTypeName]));
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** Who can reach a server on this machine only can call this machine's ports as well. */
function callbackAddresses(flags: FlagValues): readonly string[] {
  const given = flags.strings('callback-address');
  for (const address of given) understood('callback-address', () => checkCallbackAddress(address));
  const ip = flags.string('ip') ?? '127.0.0.1';
  if (given.length > 0 || !['localhost', '127.0.0.1', '::1'].includes(ip)) return given;
  return LOOPBACK.flatMap((host) => [`http://${host}:*`, `https://${host}:*`]);
}

/** A key that is unknown is no reason not to start: tools pass settings of Temporal's server that have no counterpart here. */
function limits(flags: FlagValues, logger: Logger): Limits {
  const settings = flags.strings('dynamic-config-value').map((setting): [string, unknown] => {
    const end = setting.indexOf('=');
    return [setting.slice(0, end), JSON.parse(setting.slice(end + 1))];
  });
  const { limits, unknown } = understood('dynamic-config-value', () => readLimitSettings(settings));
  for (const message of unknown) logger.warn(`${message} It has no effect.`);
  return limits;
}

/** What the server says of a value that it cannot take. */
function understood<Result>(flag: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(`--${flag}: ${error.message}`) : error;
  }
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
    ...(server.httpAddress === undefined ? [] : [`  HTTP API    http://${server.httpAddress}/api/v1`]),
    ...(server.metricsAddress === undefined ? [] : [`  Metrics     http://${server.metricsAddress}/metrics`]),
    `  Data        ${options.filename ?? 'in memory: gone when the server stops'}`,
    `  Namespaces  ${names.join(', ')}`,
    '',
    'Ctrl-C stops it.',
    '',
  ].join('\n');
}
