/** Logging from workflow code: silent while history is repeated, so each line appears once. */
import { composeInterceptors } from '../common/interceptors.js';
import type { LogLevel } from '../common/logger.js';
import { currentRun } from './current-run.js';
import { realmHost } from './realm-host.js';
import type { WorkflowRun } from './workflow-run.js';

export type LogAttributes = Readonly<Record<string, unknown>>;

export interface WorkflowLogger {
  log(level: LogLevel, message: string, attributes?: LogAttributes): void;
  trace(message: string, attributes?: LogAttributes): void;
  debug(message: string, attributes?: LogAttributes): void;
  info(message: string, attributes?: LogAttributes): void;
  warn(message: string, attributes?: LogAttributes): void;
  error(message: string, attributes?: LogAttributes): void;
}

/** Writes to the worker's logger, with the identity of the execution as attributes. Nothing is written during replay. */
export const log: WorkflowLogger = {
  log: write,
  trace: (message, attributes) => write('TRACE', message, attributes),
  debug: (message, attributes) => write('DEBUG', message, attributes),
  info: (message, attributes) => write('INFO', message, attributes),
  warn: (message, attributes) => write('WARN', message, attributes),
  error: (message, attributes) => write('ERROR', message, attributes),
};

function write(level: LogLevel, message: string, attributes?: LogAttributes): void {
  writeFor(currentRun('log'), level, message, attributes);
}

/** For lines of a run that is not the current one. */
export function writeFor({ start, isReplaying, interceptors }: WorkflowRun, level: LogLevel, message: string, attributes?: LogAttributes): void {
  if (isReplaying) return;
  const { namespace, taskQueue, workflowId, runId, workflowType } = start;
  const { outbound } = interceptors;
  const identity = { sdkComponent: 'workflow', namespace, taskQueue, workflowId, runId, workflowType };
  const common = outbound.length === 0 ? identity : composeInterceptors(outbound, 'getLogAttributes', (unchanged) => unchanged)(identity);
  realmHost()?.log(level, message, { ...common, ...attributes });
}
