/**
 * Errors that are not failures of user code: wrong values given to the API, things that do not exist, states that must not be.
 *
 * Failures (what a workflow or activity ended with) are in `failure.ts`.
 */
import { brandedErrorClass } from './error-brand.js';

/** A value cannot be used: it cannot be converted, or it is out of range. The message says what to give instead. */
export class ValueError extends Error {
  constructor(message: string | undefined, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
  }
}
brandedErrorClass(ValueError, 'ValueError');

/** A payload could not be converted to a value, or a value to a payload. */
export class PayloadConverterError extends ValueError {}
brandedErrorClass(PayloadConverterError, 'PayloadConverterError');

/** Something was called at a moment or in a place where it has no meaning. */
export class IllegalStateError extends Error {}
brandedErrorClass(IllegalStateError, 'IllegalStateError');

/** No workflow execution with this id (and run id) exists, or it is closed already and the request needs an open one. */
export class WorkflowNotFoundError extends Error {
  constructor(
    message: string,
    readonly workflowId: string,
    readonly runId: string | undefined,
  ) {
    super(message);
  }
}
brandedErrorClass(WorkflowNotFoundError, 'WorkflowNotFoundError');

/** The server has no namespace of this name. */
export class NamespaceNotFoundError extends Error {
  constructor(readonly namespace: string) {
    super(`Namespace not found: '${namespace}'. Register it on the server first, or correct the name.`);
  }
}
brandedErrorClass(NamespaceNotFoundError, 'NamespaceNotFoundError');

/** Thrown by an activity that will be completed later, from outside, by its task token or id. */
export class CompleteAsyncError extends Error {}
brandedErrorClass(CompleteAsyncError, 'CompleteAsyncError');

/** A payload lies in external storage, and this client or worker was not told of any. Give `externalStorage` in its data converter. */
export class ExternalStorageNotConfiguredError extends Error {
  constructor(message = 'A payload lies in external storage. Give this client or worker the same `dataConverter.externalStorage` as the one that wrote it.') {
    super(message);
  }
}
brandedErrorClass(ExternalStorageNotConfiguredError, 'ExternalStorageNotConfiguredError');

/** External storage could not keep or give a payload; `cause` says why. It may pass: tasks that meet it are tried again. */
export class ExternalStorageError extends Error {}
brandedErrorClass(ExternalStorageError, 'ExternalStorageError');
