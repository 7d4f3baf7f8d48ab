/**
 * Checks of client requests, before they become inputs of machines. Pure: a value in, the value or a refusal out.
 *
 * Each message names the field as clients know it and says what is accepted. What a workflow task completion contains is not checked
 * here but by the machine, because a bad command has consequences for the run.
 */
import { Payload, UserMetadata, type TaskQueue, type WorkflowExecution, type WorkflowType } from '../protocol/index.js';
import { invalidArgument } from './refusals.js';
import type { NamespaceLimits } from './request-limits.js';

/** Queues of the server itself. */
const RESERVED_QUEUE_PREFIX = '/_sys/';

/** @throws RpcError INVALID_ARGUMENT if the text is longer than an id may be. */
export function checkLength(field: string, value: string, { idLengthBytes }: NamespaceLimits): void {
  // A character has at most three bytes per UTF-16 unit: most ids are known to be short without counting.
  if (value.length * 3 <= idLengthBytes) return;
  const bytes = Buffer.byteLength(value);
  if (bytes > idLengthBytes) throw invalidArgument(`${field} exceeds length limit: it has ${bytes} bytes, at most ${idLengthBytes} are accepted.`);
}

/** @throws RpcError INVALID_ARGUMENT if a worker names a build that is longer than the server keeps. */
export function checkBuildId(buildId: string | undefined, { buildIdLengthBytes }: NamespaceLimits): void {
  if (buildId === undefined || buildId.length * 3 <= buildIdLengthBytes) return;
  const bytes = Buffer.byteLength(buildId);
  if (bytes > buildIdLengthBytes) throw invalidArgument(`BuildId exceeds length limit: it has ${bytes} bytes, at most ${buildIdLengthBytes} are accepted.`);
}

/** How many entries a page of a list has: as many as were asked for, within the limit. */
export function pageSize(asked: number, usual: number, { listPageSize }: NamespaceLimits): number {
  return Math.min(asked > 0 ? asked : usual, listPageSize);
}

/** @throws RpcError INVALID_ARGUMENT if the text is empty or too long. */
export function required(field: string, value: string | undefined, limits: NamespaceLimits): string {
  if (value === undefined || value === '') throw invalidArgument(`${field} is not set on request.`);
  checkLength(field, value, limits);
  return value;
}

/** An execution that should exist. Its id is not measured: one that is too long does not exist. */
export function requiredExecution(execution: WorkflowExecution | undefined): WorkflowExecution {
  if (execution === undefined) throw invalidArgument('Execution is not set on request.');
  if (execution.workflowId === '') throw invalidArgument('WorkflowId is not set on request.');
  checkRunId(execution.runId);
  return execution;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Run ids are UUIDs. The store would not find another; saying so here is kinder than NOT_FOUND. */
export function checkRunId(runId: string): void {
  if (runId !== '' && !UUID.test(runId)) throw invalidArgument(`Invalid RunId: "${runId.slice(0, 100)}" is not a UUID. Leave it empty to address the latest run.`);
}

export function requiredWorkflowType(type: WorkflowType | undefined, limits: NamespaceLimits): void {
  required('WorkflowType', type?.name, limits);
}

/** A normal task queue by its name. */
export function requiredTaskQueue(queue: TaskQueue | undefined, limits: NamespaceLimits): TaskQueue {
  if (queue === undefined) throw invalidArgument('TaskQueue is not set on request.');
  required('TaskQueue', queue.name, limits);
  checkLength('TaskQueue normal name', queue.normalName, limits);
  if (queue.name.startsWith(RESERVED_QUEUE_PREFIX)) throw invalidArgument(`TaskQueue cannot start with the reserved prefix ${RESERVED_QUEUE_PREFIX}.`);
  return queue;
}

/** Durations of more than a century are no error: machines cap them. @throws RpcError INVALID_ARGUMENT if a duration is negative. */
export function checkDuration(field: string, durationMs: number | undefined): void {
  if (durationMs !== undefined && durationMs < 0) throw invalidArgument(`${field} is negative: give a duration of zero or more.`);
}

/** @throws RpcError INVALID_ARGUMENT if user data is larger than the server keeps in one place. */
export function checkBlob(field: string, bytes: Uint8Array | undefined, { blobSizeBytes }: NamespaceLimits): void {
  checkSize(field, bytes, blobSizeBytes);
}

export function checkMemo(bytes: Uint8Array | undefined, { memoSizeBytes }: NamespaceLimits): void {
  checkSize('Memo', bytes, memoSizeBytes);
}

function checkSize(field: string, bytes: Uint8Array | undefined, limitBytes: number): void {
  if (bytes !== undefined && bytes.byteLength > limitBytes) {
    throw invalidArgument(`${field} exceeds size limit: it has ${bytes.byteLength} bytes, at most ${limitBytes} are accepted. Store large data elsewhere and send a reference.`);
  }
}

/** Summary and details are measured apart, but only if they are large together: most requests have none. */
export function checkUserMetadata(bytes: Uint8Array | undefined, limits: NamespaceLimits): void {
  if (bytes === undefined || bytes.byteLength <= Math.min(limits.summarySizeBytes, limits.detailsSizeBytes)) return;
  const { summary, details } = UserMetadata.decode(bytes);
  checkSize('UserMetadata summary', summary && Payload.encode(summary), limits.summarySizeBytes);
  checkSize('UserMetadata details', details && Payload.encode(details), limits.detailsSizeBytes);
}

export function checkLinks(links: readonly Uint8Array[], { linksPerRequest, linkSizeBytes }: NamespaceLimits): void {
  if (links.length > linksPerRequest) throw invalidArgument(`Links exceed count limit: ${links.length} were sent, at most ${linksPerRequest} are accepted.`);
  for (const link of links) {
    if (link.byteLength > linkSizeBytes) throw invalidArgument(`A link exceeds size limit: it has ${link.byteLength} bytes, at most ${linkSizeBytes} are accepted.`);
  }
}

/** Limits that clients are told in `DescribeNamespace`. */
export function advertisedLimits({ blobSizeBytes, memoSizeBytes }: NamespaceLimits): { blobSizeLimitError: number; memoSizeLimitError: number } {
  return { blobSizeLimitError: blobSizeBytes, memoSizeLimitError: memoSizeBytes };
}
