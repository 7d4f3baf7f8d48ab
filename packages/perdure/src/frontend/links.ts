/** Links in replies: they name the event that a request led to, for whoever wants to point at it. */
import type { StartReply } from '../machines/workflow/index.js';
import type { Namespace } from '../machines/namespace/inputs.js';
import { Callback, EventType, Link, type Encoded, type WorkflowExecution } from '../protocol/index.js';

/** The Started event, or the event by which the start was attached to an existing run. */
export function startLink(namespace: Namespace, workflowId: string, { runId, attachedRequestId = '' }: StartReply): Encoded<Link> {
  if (attachedRequestId !== '') return byRequest(namespace, { workflowId, runId }, attachedRequestId, EventType.WORKFLOW_EXECUTION_OPTIONS_UPDATED);
  const eventRef = { eventId: 1, eventType: EventType.WORKFLOW_EXECUTION_STARTED };
  return Link.encode({ workflowEvent: { namespace: namespace.name, workflowId, runId, eventRef } });
}

/** The event of a signal: it may not have its id yet, so the link names the request. */
export function signalLink(namespace: Namespace, execution: WorkflowExecution, requestId: string): Encoded<Link> {
  return byRequest(namespace, execution, requestId, EventType.WORKFLOW_EXECUTION_SIGNALED);
}

/** The acceptance of an update; the run, where the history does not show the update. */
export function updateLink(namespace: Namespace, { workflowId, runId }: WorkflowExecution, isInHistory: boolean, requestId: string): Encoded<Link> {
  if (!isInHistory) return Link.encode({ workflow: { namespace: namespace.name, workflowId, runId, reason: 'Update rejected' } });
  return byRequest(namespace, { workflowId, runId }, requestId, EventType.WORKFLOW_EXECUTION_UPDATE_ACCEPTED);
}

/** Handlers of Nexus operations write the caller's event twice, for older servers: with the start and with its callback. Once is enough. */
export function withoutThoseOfCallbacks(links: readonly Encoded<Link>[], callbacks: readonly Encoded<Callback>[]): Encoded<Link>[] {
  if (links.length === 0 || callbacks.length === 0) return [...links];
  const told = callbacks.flatMap((callback) => Callback.decode(callback).links.map((link) => Buffer.from(link)));
  return links.filter((link) => !told.some((other) => other.equals(link)));
}

function byRequest(namespace: Namespace, { workflowId, runId }: WorkflowExecution, requestId: string, eventType: EventType): Encoded<Link> {
  return Link.encode({ workflowEvent: { namespace: namespace.name, workflowId, runId, requestIdRef: { requestId, eventType } } });
}
