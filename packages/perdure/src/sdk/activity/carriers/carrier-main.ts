/**
 * What runs in a carrier: takes calls, one at a time, and tells what becomes of them.
 *
 * In a process it also sees to it that the process ends with its parent, even while a function keeps it busy: a thread of its own watches.
 */
import process from 'node:process';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import type { LogLevel, LogMetadata, Logger } from '../../common/index.js';
import { ActivityCancellation } from '../cancellation.js';
import { asyncLocalStorage, Context } from '../context.js';
import type { Info } from '../info.js';
import { enterCarrier, load } from './declarations.js';
import { errorParts, type FromCarrier, type ToCarrier } from './messages.js';

type Run = ToCarrier & { readonly type: 'run' };

const PARENT_CHECK_MS = 500;

let running: ActivityCancellation | undefined;

const post: (message: FromCarrier) => void = isMainThread ? (message) => void process.send?.(message) : (message) => parentPort?.postMessage(message);

function receive(message: ToCarrier): void {
  if (message.type === 'cancel') running?.request(message.reason, message.details);
  else void run(message).then(post).catch((error: unknown) => post({ type: 'threw', error: errorParts(error) })); // the result cannot be copied
}

async function run({ declaration, args, info }: Run): Promise<FromCarrier> {
  const cancellation = (running = new ActivityCancellation());
  try {
    const fn = (await load(declaration)) as (...given: readonly unknown[]) => unknown;
    const result = info === undefined ? fn(...args) : asyncLocalStorage.run(contextOf(info, cancellation), fn, ...args);
    return { type: 'returned', result: await result };
  } catch (error) {
    return { type: 'threw', error: errorParts(error) };
  } finally {
    running = undefined;
  }
}

function contextOf(info: Info, cancellation: ActivityCancellation): Context {
  return new Context({ info, cancellation, heartbeat: (details) => post({ type: 'heartbeat', details }), logger: () => logger });
}

const logger: Logger = {
  log: logLine,
  trace: (message, metadata) => logLine('TRACE', message, metadata),
  debug: (message, metadata) => logLine('DEBUG', message, metadata),
  info: (message, metadata) => logLine('INFO', message, metadata),
  warn: (message, metadata) => logLine('WARN', message, metadata),
  error: (message, metadata) => logLine('ERROR', message, metadata),
};

function logLine(level: LogLevel, message: string, metadata?: LogMetadata): void {
  try {
    post({ type: 'log', level, message, metadata });
  } catch {
    // Something in the metadata cannot be copied: the line matters more.
    post({ type: 'log', level, message, metadata: undefined });
  }
}

/** A parent that was killed says nothing: its process id stops being our parent's. */
function endWithParent(): void {
  process.on('disconnect', () => process.exit());
  // The parent is read here: by the time the thread runs, it may be gone already.
  const watch = `setInterval(() => { if (process.ppid !== ${process.ppid}) process.kill(process.pid, 'SIGKILL'); }, ${PARENT_CHECK_MS});`;
  new Worker(watch, { eval: true, execArgv: [] }).unref();
}

enterCarrier();
if (isMainThread) {
  endWithParent();
  process.on('message', receive);
} else parentPort?.on('message', receive);
