/**
 * What a run says about its Nexus operations, and what it is told of them.
 *
 * The requests to a handler leave as messages to the kind {@link NEXUS_KIND}; a courier brings them to a worker or to another server, and
 * its reply is the handler's. How an operation ends that goes on behind its start comes as the input `complete-nexus-operation`.
 */
import type { Encoded, Failure, Link, Payload } from '../../../protocol/index.js';

/** `kind` of the receiver of the requests: whoever serves an endpoint. Reached through a courier. */
export const NEXUS_KIND = 'nexus';

/** What all requests to a handler say. */
interface NexusRequestMessage {
  /** Of the run that calls: its namespace by name and by id. */
  readonly namespace: string;
  readonly namespaceId: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly scheduledEventId: number;
  readonly endpoint: string;
  readonly endpointId: string;
  readonly service: string;
  readonly operation: string;
  readonly header: ReadonlyMap<string, string>;
}

export interface StartOperationMessage extends NexusRequestMessage {
  readonly type: 'start-operation';
  /** The same for every request of the operation: handlers deduplicate by it. */
  readonly requestId: string;
  readonly input?: Payload | undefined;
  /** No answer is of use after this, in milliseconds since the epoch; 0: any time. */
  readonly expiresAtMs: number;
  /** When the operation must have ended, in milliseconds since the epoch; 0: any time. */
  readonly closesAtMs: number;
  /** How long the operation may take once it has started; 0: any time. */
  readonly startToCloseTimeoutMs: number;
}

export interface CancelOperationMessage extends NexusRequestMessage {
  readonly type: 'cancel-operation';
  readonly operationToken: string;
}

export type NexusMessage = StartOperationMessage | CancelOperationMessage;

/** How an operation ended. */
export type OperationOutcome =
  | { readonly kind: 'succeeded'; readonly result?: Payload | undefined }
  | { readonly kind: 'failed' | 'canceled'; readonly failure: Encoded<Failure> };

/** What the handler answered. */
export type NexusReply =
  | { readonly kind: 'operation-started'; readonly operationToken: string; readonly links: readonly Encoded<Link>[] }
  | { readonly kind: 'operation-ended'; readonly outcome: OperationOutcome; readonly links: readonly Encoded<Link>[] }
  /** It knows that the operation is to be cancelled. */
  | { readonly kind: 'cancel-taken' }
  /** The handler, or what is before it, could not do it. */
  | { readonly kind: 'handler-failed'; readonly failure: Encoded<Failure>; readonly retryable: boolean };

/** An operation that goes on behind its start has ended. Refused NOT_FOUND if nobody waits for that. */
export interface CompleteNexusOperationInput {
  readonly type: 'complete-nexus-operation';
  readonly scheduledEventId: number;
  readonly requestId: string;
  /** The handler's name of the operation, for a completion that is quicker than the answer to the start. */
  readonly operationToken: string;
  /** What the handler has begun for the operation, for the same case. */
  readonly links: readonly Encoded<Link>[];
  readonly outcome: OperationOutcome;
}
