/** A logger that adds metadata to every line, and the metadata of activities. */
import type { Info } from '../activity/info.js';
import type { LogLevel, LogMetadata, Logger } from '../common/index.js';

/** A function is asked with each line. What a line itself brings wins. */
export function withMetadata(logger: Logger, metadata: LogMetadata | (() => LogMetadata)): Logger {
  const common = typeof metadata === 'function' ? metadata : () => metadata;
  const log = (level: LogLevel, message: string, meta?: LogMetadata): unknown => logger.log(level, message, { ...common(), ...meta });
  return {
    log,
    trace: (message, meta) => log('TRACE', message, meta),
    debug: (message, meta) => log('DEBUG', message, meta),
    info: (message, meta) => log('INFO', message, meta),
    warn: (message, meta) => log('WARN', message, meta),
    error: (message, meta) => log('ERROR', message, meta),
  };
}

/** What the lines of an attempt carry, of a local activity's too. */
export function activityLogAttributes({ namespace, taskQueue, activityId, activityType, attempt, isLocal, base64TaskToken, workflowExecution, workflowType }: Info): LogMetadata {
  return {
    sdkComponent: 'activity',
    namespace,
    taskQueue,
    activityId,
    activityType,
    attempt,
    isLocal,
    taskToken: base64TaskToken,
    ...(workflowExecution && { workflowId: workflowExecution.workflowId, workflowRunId: workflowExecution.runId, workflowType }),
  };
}
