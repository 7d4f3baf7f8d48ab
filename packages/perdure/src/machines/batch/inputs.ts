/** What a batch job can be told, and what it answers. The frontend checks what clients send before it gets here. */
import type { StartBatchOperationRequest } from '../../protocol/index.js';

/** `kind` of the machine and of its key: the job id. */
export const BATCH_KIND = 'batch';

/** StartBatchOperation, sent to the job id. Refused with ALREADY_EXISTS unless it is the same request again. */
export interface StartBatchInput {
  readonly type: 'start';
  /** With exactly one operation, and either executions or a query. */
  readonly request: StartBatchOperationRequest;
  /** What is listed instead of the request's query: that, and what the operation adds to it. Empty: the executions of the request. */
  readonly query: string;
  /** Of the request: tells it from another one with the same job id. */
  readonly digest: Uint8Array;
  /** How many executions the query finds now. */
  readonly expected: number;
  /** Operations a second, at most; 0: as many as possible. */
  readonly perSecond: number;
  /** Operations under way at the same time, at most. */
  readonly window: number;
  /** Executions in a page of the list. */
  readonly pageSize: number;
}

/** StopBatchOperation. What was done stays done; nothing more is. */
export interface StopBatchInput {
  readonly type: 'stop';
  readonly reason: string;
  readonly identity: string;
}

/** Its retention is over, or its namespace is deleted: it stops, and is forgotten at once. */
export interface DeleteBatchInput {
  readonly type: 'delete';
}

export type BatchInput = StartBatchInput | StopBatchInput | DeleteBatchInput;

/** Answers every input. */
export interface BatchReply {
  readonly kind: 'batch';
}
