/** Errors as the answer to a workflow task: which cause the server is told, and what people read in the history. */
import { WorkflowTaskFailedCause } from '../../protocol/index.js';
import { brandedErrorClass } from '../common/error-brand.js';
import { ExternalStorageError } from '../common/errors.js';
import { defaultFailureConverter } from '../common/failure-converter.js';
import { defaultPayloadConverter } from '../common/payload-converter.js';
import { NondeterminismError } from './nondeterminism.js';
import type { FailedTask } from './outcome.js';
import { WorkflowTaskError } from './replayed-run.js';

export function failedTask(error: unknown): FailedTask {
  const failure = error instanceof WorkflowTaskError ? error.taskError.failure : defaultFailureConverter.errorToFailure(error, defaultPayloadConverter);
  if (!(error instanceof NondeterminismError)) {
    const { EXTERNAL_STORAGE_FAILURE, WORKFLOW_WORKER_UNHANDLED_FAILURE } = WorkflowTaskFailedCause;
    return { kind: 'failed', cause: error instanceof ExternalStorageError ? EXTERNAL_STORAGE_FAILURE : WORKFLOW_WORKER_UNHANDLED_FAILURE, failure };
  }
  const { report } = error;
  const stackTrace = report.actual?.stack ? `${error.name}: ${error.message}\n${report.actual.stack}` : failure.stackTrace;
  return { kind: 'failed', cause: WorkflowTaskFailedCause.NON_DETERMINISTIC_ERROR, failure: { ...failure, stackTrace }, nondeterminism: report };
}

/** A promise of workflow code was rejected and nothing handles it. Fails the workflow task; programs see it in replays and in histories. */
export class UnhandledRejectionError extends Error {
  constructor(message: string, override readonly cause: unknown) {
    super(message);
  }
}
brandedErrorClass(UnhandledRejectionError, 'UnhandledRejectionError');

/** The error of a promise that nobody waits for. */
export function unhandledRejection(reason: unknown): Error {
  const { message, stackTrace } = defaultFailureConverter.errorToFailure(reason, defaultPayloadConverter);
  const error = new UnhandledRejectionError(
    `A promise was rejected and nothing handles it: ${message}. Await it, or attach a catch handler where it is made; ` +
      'a promise that is awaited only later needs one as well.',
    reason,
  );
  if (stackTrace !== '') error.stack = stackTrace;
  return error;
}
