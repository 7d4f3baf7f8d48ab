/**
 * A client that does not give up: every request is repeated, with the same ids, until the server has answered. So whatever happens to the
 * server, each thing that was asked for must have happened exactly once in the end.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Code, Payloads, RpcError } from '#perdure/protocol/index';
import { ServiceError, WorkflowUpdateRPCTimeoutOrCancelledError, type Client } from 'perdure/client';

const PASSING: ReadonlySet<Code | undefined> = new Set([Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.UNKNOWN, Code.RESOURCE_EXHAUSTED, Code.ABORTED]);

/** What an update hears after the third workflow task that its workers took down with them. */
const WORKERS_DIED = /Workflow Task in failed state/;

/** The server was not there, or was killed before it had answered. */
function isPassing(error: unknown): boolean {
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return true;
  if (error instanceof ServiceError || error instanceof RpcError) return PASSING.has(error.code) || WORKERS_DIED.test(error.message);
  return false;
}

/** Ends all insistence: the test has failed. */
export const giveUp = new AbortController();

export async function insist<T>(what: () => Promise<T>): Promise<T> {
  for (;;) {
    giveUp.signal.throwIfAborted();
    try {
      return await what();
    } catch (error) {
      if (!isPassing(error)) throw error;
      await delay(20);
    }
  }
}

/** Encoded as SDKs do. */
export function payloads(...values: readonly unknown[]): Uint8Array {
  const metadata = { encoding: Buffer.from('json/plain') };
  return Payloads.encode({ payloads: values.map((value) => ({ metadata, data: Buffer.from(JSON.stringify(value)) })) });
}

/** A signal with a request id of its own, so that it comes once however often it is sent. */
export async function signal(client: Client, workflowId: string, signalName: string, ...args: readonly unknown[]): Promise<void> {
  const requestId = `${workflowId}/${signalName}/${JSON.stringify(args)}`;
  const request = { namespace: 'default', workflowExecution: { workflowId }, signalName, requestId, input: payloads(...args), identity: 'crash' };
  await insist(() => client.connection.workflowService.signalWorkflowExecution(request));
}
