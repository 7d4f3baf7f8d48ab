/**
 * The ways in which a store refuses. The host turns them into replies: `StoreUnavailableError` is retryable for the
 * client, `StaleWriterError` makes the host drop its copy of the machine and load it again, the others end the process
 * with their message. Every message says what happened and what to do next.
 */

/** Why a store is unavailable. `full`: no space left. `io`: the disk or the connection failed. `busy`: someone else holds it. */
export type UnavailableReason = 'full' | 'io' | 'busy' | 'closed';

/** The store cannot do this now. Nothing of it was done, what was committed before is safe, and a retry may succeed. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  readonly reason: UnavailableReason;

  constructor(reason: UnavailableReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** No SQLite could be loaded in this runtime. The message says what to install. */
export class StoreDriverMissingError extends Error {
  override readonly name = 'StoreDriverMissingError';
}

/** Another process (or another store in this process) has the same data open. Nothing was touched. */
export class StoreLockedError extends Error {
  override readonly name = 'StoreLockedError';
}

/** The data is not a store of ours, or it is damaged. Nothing was changed. */
export class StoreCorruptError extends Error {
  override readonly name = 'StoreCorruptError';
}

/** The data was written by a newer version of Perdure. Nothing was changed. */
export class StoreTooNewError extends Error {
  override readonly name = 'StoreTooNewError';
}

/** A transition did not continue the machine's latest record: its author worked on an old state. Nothing was written. */
export class StaleWriterError extends Error {
  override readonly name = 'StaleWriterError';
  readonly machine: string;
  /** The `seq` that the store would have accepted; 1 if the machine does not exist. */
  readonly expectedSeq: number;
  readonly seq: number;

  constructor(machine: string, expectedSeq: number, seq: number) {
    super(
      `Machine ${machine} stands before record ${expectedSeq}, but record ${seq} was offered. ` +
        'Load the machine again and decide anew.',
    );
    this.machine = machine;
    this.expectedSeq = expectedSeq;
    this.seq = seq;
  }
}

/** A transition that no state of the store could accept: a mistake in the code that made it. Nothing was written. */
export class InvalidTransitionError extends Error {
  override readonly name = 'InvalidTransitionError';
}
