/**
 * Task tokens and page tokens: opaque bytes for clients, names of attempts and places for us.
 *
 * A token survives a restart of the server (an activity may be completed by its token days later), so it names only durable things: the
 * namespace's id, the execution, event ids, the attempt and its stamp. Whoever changes `proto/token.proto` only adds fields.
 */
import { DecodeError, HistoryPageToken, SeenActivityToken, TaskToken, type ActivityTaskToken, type Codec, type Init, type WorkflowTaskToken } from '../protocol/index.js';
import { invalidArgument } from './refusals.js';

export function workflowTaskToken(namespaceId: string, task: Init<WorkflowTaskToken>): Uint8Array {
  return TaskToken.encode({ namespaceId, workflowTask: task });
}

export function activityTaskToken(namespaceId: string, task: Init<ActivityTaskToken>): Uint8Array {
  return TaskToken.encode({ namespaceId, activityTask: task });
}

export function queryTaskToken(namespaceId: string, queryId: string): Uint8Array {
  return TaskToken.encode({ namespaceId, queryTask: { queryId } });
}

export function nexusTaskToken(namespaceId: string, requestId: string): Uint8Array {
  return TaskToken.encode({ namespaceId, nexusTask: { requestId } });
}

type TaskKind = 'workflowTask' | 'activityTask' | 'queryTask' | 'nexusTask';

/** Reads a token of one kind. @throws RpcError INVALID_ARGUMENT if it is none. */
export function readTaskToken<Kind extends TaskKind>(bytes: Uint8Array, kind: Kind): { namespaceId: string; task: NonNullable<TaskToken[Kind]> } {
  const token = decode(TaskToken, bytes, 'Task token');
  const task = token[kind];
  if (task === undefined || token.namespaceId === '') throw invalidToken('Task token');
  return { namespaceId: token.namespaceId, task };
}

export const historyPageToken = (token: Init<HistoryPageToken>): Uint8Array => HistoryPageToken.encode(token);

/** @throws RpcError INVALID_ARGUMENT if these bytes are not a page token. */
export function readHistoryPageToken(bytes: Uint8Array): HistoryPageToken {
  const token = decode(HistoryPageToken, bytes, 'Page token');
  if (token.namespaceId === '' || token.runId === '' || token.nextEventId < 1) throw invalidToken('Page token');
  return token;
}

export const seenActivityToken = (token: Init<SeenActivityToken>): Uint8Array => SeenActivityToken.encode(token);

/** @throws RpcError INVALID_ARGUMENT if these bytes are no such token, or one of another run */
export function readSeenActivityToken(bytes: Uint8Array, runId: string): SeenActivityToken {
  const token = decode(SeenActivityToken, bytes, 'Long poll token');
  if (token.runId !== runId) throw invalidToken('Long poll token');
  return token;
}

function decode<T>(type: Codec<T>, bytes: Uint8Array, what: string): T {
  if (bytes.byteLength === 0) throw invalidArgument(`${what} is not set on request.`);
  try {
    return type.decode(bytes);
  } catch (error) {
    if (error instanceof DecodeError) throw invalidToken(what);
    throw error;
  }
}

const invalidToken = (what: string) => invalidArgument(`${what} is invalid: send back the bytes that this server gave, unchanged.`);
