/**
 * Checks of client requests, before they become inputs of machines. Pure: a value in, the value or a refusal out.
 *
 * Each message names the field as clients know it and says what is accepted. What a workflow task completion contains is not checked
 * here but by the machine, because a bad command has consequences for the run.
 */
import type { TaskQueue, WorkflowExecution, WorkflowType } from '../protocol/index.js';
import { invalidArgument } from './refusals.js';

/** Ids, names and reasons, in bytes of UTF-8. */
const MAX_ID_BYTES = 1000;
const MAX_BLOB_BYTES = 2 * 1024 * 1024;
const MAX_LINKS = 10;
const MAX_LINK_BYTES = 4000;
const MAX_SUMMARY_AND_DETAILS_BYTES = 400 + 20_000 + 100;
/** A century, the longest duration that the protocol allows. */
const MAX_DURATION_MS = 100 * 365.25 * 86_400_000;

/** @throws RpcError INVALID_ARGUMENT if the text is longer than an id may be. */
export function checkLength(field: string, value: string): void {
  // A character has at most three bytes per UTF-16 unit: most ids are known to be short without counting.
  if (value.length * 3 <= MAX_ID_BYTES) return;
  const bytes = Buffer.byteLength(value);
  if (bytes > MAX_ID_BYTES) throw invalidArgument(`${field} exceeds length limit: it has ${bytes} bytes, at most ${MAX_ID_BYTES} are accepted.`);
}

/** @throws RpcError INVALID_ARGUMENT if the text is empty or too long. */
export function required(field: string, value: string | undefined): string {
  if (value === undefined || value === '') throw invalidArgument(`${field} is not set on request.`);
  checkLength(field, value);
  return value;
}

export function requiredExecution(execution: WorkflowExecution | undefined): WorkflowExecution {
  if (execution === undefined) throw invalidArgument('Execution is not set on request.');
  required('WorkflowId', execution.workflowId);
  checkRunId(execution.runId);
  return execution;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Run ids are UUIDs. The store would not find another; saying so here is kinder than NOT_FOUND. */
export function checkRunId(runId: string): void {
  if (runId !== '' && !UUID.test(runId)) throw invalidArgument(`Invalid RunId: "${runId.slice(0, 100)}" is not a UUID. Leave it empty to address the latest run.`);
}

export function requiredWorkflowType(type: WorkflowType | undefined): void {
  required('WorkflowType', type?.name);
}

/** A normal task queue by its name. */
export function requiredTaskQueue(queue: TaskQueue | undefined): TaskQueue {
  if (queue === undefined) throw invalidArgument('TaskQueue is not set on request.');
  required('TaskQueue', queue.name);
  checkLength('TaskQueue normal name', queue.normalName);
  return queue;
}

/** @throws RpcError INVALID_ARGUMENT if a duration is negative or longer than a century. */
export function checkDuration(field: string, durationMs: number | undefined): void {
  if (durationMs === undefined) return;
  if (durationMs < 0) throw invalidArgument(`${field} is negative: give a duration of zero or more.`);
  if (durationMs > MAX_DURATION_MS) throw invalidArgument(`${field} is longer than 100 years.`);
}

/** @throws RpcError INVALID_ARGUMENT if user data is larger than the server keeps in one place. */
export function checkBlob(field: string, bytes: Uint8Array | undefined): void {
  if (bytes !== undefined && bytes.byteLength > MAX_BLOB_BYTES) {
    throw invalidArgument(`${field} exceeds size limit: it has ${bytes.byteLength} bytes, at most ${MAX_BLOB_BYTES} are accepted. Store large data elsewhere and send a reference.`);
  }
}

export function checkUserMetadata(bytes: Uint8Array | undefined): void {
  if (bytes !== undefined && bytes.byteLength > MAX_SUMMARY_AND_DETAILS_BYTES) {
    throw invalidArgument('UserMetadata exceeds size limit: a summary has at most 400 bytes, details at most 20000.');
  }
}

export function checkLinks(links: readonly Uint8Array[]): void {
  if (links.length > MAX_LINKS) throw invalidArgument(`Links exceed count limit: ${links.length} were sent, at most ${MAX_LINKS} are accepted.`);
  for (const link of links) {
    if (link.byteLength > MAX_LINK_BYTES) throw invalidArgument(`A link exceeds size limit: it has ${link.byteLength} bytes, at most ${MAX_LINK_BYTES} are accepted.`);
  }
}

/** Limits that clients are told in `DescribeNamespace`. */
export const ADVERTISED_LIMITS = { blobSizeLimitError: MAX_BLOB_BYTES, memoSizeLimitError: MAX_BLOB_BYTES } as const;
