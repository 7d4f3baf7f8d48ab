/**
 * Links between what calls an operation and what does it: as Nexus has them (a URL and the name of a type), and as Temporal's messages.
 *
 * They lead people from the event of the caller to the execution of the handler and back. Nothing depends on one: a link that cannot be
 * converted is dropped, with a line in the log.
 */
import type { Link as NexusLink } from 'nexus-rpc';
import { EventType, Link, type Encoded, type Init } from '../../protocol/index.js';

const WORKFLOW_EVENT = 'temporal.api.common.v1.Link.WorkflowEvent';
const WORKFLOW = 'temporal.api.common.v1.Link.Workflow';
const NEXUS_OPERATION = 'temporal.api.common.v1.Link.NexusOperation';
const ACTIVITY = 'temporal.api.common.v1.Link.Activity';

type WorkflowEvent = NonNullable<Init<Link>['workflowEvent']>;

/** @throws TypeError for a kind of link that Nexus has no URL for. */
export function toNexusLink(bytes: Encoded<Link>): NexusLink {
  const { workflowEvent, workflow, nexusOperation, activity } = Link.decode(bytes);
  if (workflowEvent !== undefined) {
    const url = pathUrl(workflowEvent.namespace, 'workflows', workflowEvent.workflowId, workflowEvent.runId, 'history');
    const { eventRef, requestIdRef } = workflowEvent;
    if (eventRef !== undefined) url.search = query({ referenceType: 'EventReference', ...(eventRef.eventId > 0 && { eventID: String(eventRef.eventId) }), eventType: eventTypeName(eventRef.eventType) });
    else if (requestIdRef !== undefined) url.search = query({ referenceType: 'RequestIdReference', requestID: requestIdRef.requestId, eventType: eventTypeName(requestIdRef.eventType) });
    return { url, type: WORKFLOW_EVENT };
  }
  if (workflow !== undefined) {
    const url = pathUrl(workflow.namespace, 'workflows', workflow.workflowId, workflow.runId);
    if (workflow.reason !== '') url.search = query({ reason: workflow.reason });
    return { url, type: WORKFLOW };
  }
  if (nexusOperation !== undefined) return { url: pathUrl(nexusOperation.namespace, 'nexus-operations', nexusOperation.operationId, nexusOperation.runId, 'details'), type: NEXUS_OPERATION };
  if (activity !== undefined) return { url: pathUrl(activity.namespace, 'activities', activity.activityId, activity.runId, 'details'), type: ACTIVITY };
  throw new TypeError('The link is of a kind that has no URL.');
}

/** @throws TypeError for a URL that is not one of Temporal's. */
export function fromNexusLink({ url, type }: NexusLink): Encoded<Link> {
  if (url.protocol !== 'temporal:') throw new TypeError(`The link ${url.href} is not one of Temporal's: it begins with '${url.protocol}'.`);
  return Link.encode(linkOf(url, type));
}

function linkOf(url: URL, type: string): Init<Link> {
  switch (type) {
    case WORKFLOW_EVENT: {
      const [namespace, workflowId, runId] = partsOf(url, 'workflows', 'history');
      return { workflowEvent: { namespace, workflowId, runId, ...referenceOf(url) } };
    }
    case WORKFLOW: {
      const [namespace, workflowId, runId] = partsOf(url, 'workflows');
      return { workflow: { namespace, workflowId, runId, reason: url.searchParams.get('reason') ?? '' } };
    }
    case NEXUS_OPERATION: {
      const [namespace, operationId, runId] = partsOf(url, 'nexus-operations', 'details');
      return { nexusOperation: { namespace, operationId, runId } };
    }
    case ACTIVITY: {
      const [namespace, activityId, runId] = partsOf(url, 'activities', 'details');
      return { activity: { namespace, activityId, runId } };
    }
    default:
      throw new TypeError(`The link ${url.href} has the type '${type}', which is not known.`);
  }
}

function referenceOf(url: URL): Pick<WorkflowEvent, 'eventRef' | 'requestIdRef'> {
  const parameters = url.searchParams;
  const eventType = eventTypeOf(parameters.get('eventType') ?? '', url);
  switch (parameters.get('referenceType')) {
    case 'EventReference': {
      const eventId = parameters.get('eventID') ?? '';
      return { eventRef: { eventId: /^\d{1,15}$/.test(eventId) ? Number(eventId) : 0, eventType } };
    }
    case 'RequestIdReference':
      return { requestIdRef: { requestId: parameters.get('requestID') ?? '', eventType } };
    default:
      throw new TypeError(`The link ${url.href} does not say what it refers to.`);
  }
}

function pathUrl(namespace: string, kind: string, id: string, runId: string, view?: string): URL {
  if (namespace === '' || id === '' || runId === '') throw new TypeError('The link has no namespace, no id or no run id.');
  const path = ['namespaces', namespace, kind, id, runId, ...(view === undefined ? [] : [view])].map(encodeURIComponent).join('/');
  return new URL(`temporal:///${path}`);
}

function partsOf(url: URL, kind: string, view?: string): [namespace: string, id: string, runId: string] {
  const [root, namespaces, namespace = '', itsKind, id = '', runId = '', itsView, ...rest] = url.pathname.split('/');
  const fits = root === '' && namespaces === 'namespaces' && itsKind === kind && itsView === view && rest.length === 0;
  if (!fits || namespace === '' || id === '' || runId === '') throw new TypeError(`The link ${url.href} does not lead to ${kind}.`);
  try {
    return [decodeURIComponent(namespace), decodeURIComponent(id), decodeURIComponent(runId)];
  } catch (cause) {
    throw new TypeError(`The link ${url.href} is not encoded as a URL.`, { cause });
  }
}

function query(parameters: Readonly<Record<string, string>>): string {
  return new URLSearchParams(parameters).toString();
}

/** `WorkflowExecutionStarted` for `WORKFLOW_EXECUTION_STARTED`. */
function eventTypeName(eventType: EventType): string {
  const name = Object.entries(EventType).find(([, value]) => value === eventType)?.[0];
  if (name === undefined) throw new TypeError(`The link names an event of type ${eventType}, which is not known.`);
  return name.split('_').map((word) => word.charAt(0) + word.slice(1).toLowerCase()).join('');
}

/** Both spellings are in use. */
function eventTypeOf(text: string, url: URL): EventType {
  const name = (text.includes('_') ? text : text.replace(/(?<=.)[A-Z]/g, '_$&')).toUpperCase().replace(/^EVENT_TYPE_/, '');
  const found = Object.entries(EventType).find(([key]) => key === name);
  if (found === undefined) throw new TypeError(`The link ${url.href} names no known type of event.`);
  return found[1];
}
