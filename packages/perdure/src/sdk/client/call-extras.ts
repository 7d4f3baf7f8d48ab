/**
 * What rides along on a client's call without being an option of it: handlers of Nexus operations tie what they start to the operation, and
 * want the link that the server answers with.
 *
 * It stands under a symbol on the options or input of the call, which interceptors pass on with all else that they do not know. So it reaches
 * exactly the call that it was made for, whatever further calls an interceptor makes. Read where requests are made; set by `sdk/nexus` only.
 */
import type { Callback, Encoded, Link, OnConflictOptions, Outcome } from '../../protocol/index.js';

export const CALL_EXTRAS: unique symbol = Symbol('perdure.callExtras');

export interface CallExtras {
  /** In place of a new one: a handler that is asked twice for one operation starts one execution. */
  readonly requestId?: string;
  /** Called by the server when the execution has ended. */
  readonly completionCallbacks?: Encoded<Callback>[];
  /** Of the event that the call makes. */
  readonly links?: Encoded<Link>[];
  /** For an execution that runs already. */
  readonly onConflictOptions?: OnConflictOptions;
  /** Set by the call: what the server calls the event that it made. */
  responseLink?: Encoded<Link> | undefined;
  /** Set by the call: how an update ended, if it has. */
  outcome?: Outcome | undefined;
}

/** Something that may carry extras. */
export interface CallExtrasCarrier {
  readonly [CALL_EXTRAS]?: CallExtras;
}

export function extrasOf<Carrier extends object>(carrier: Carrier): CallExtras | undefined {
  return (carrier as Carrier & CallExtrasCarrier)[CALL_EXTRAS];
}

/** For a handle's calls: `{}` without extras. */
export function carried(extras: CallExtras | undefined): CallExtrasCarrier {
  return extras === undefined ? {} : { [CALL_EXTRAS]: extras };
}
