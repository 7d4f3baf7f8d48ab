/** Links as Nexus writes them: a URL and a type. Only links between events and executions of Temporal's kind are understood. */
import { EventType, Link, type Encoded, type NexusLink } from '../../protocol/index.js';

const TYPE = 'temporal.api.common.v1.Link.';

/** The event of a run. */
export function eventLink(namespace: string, workflowId: string, runId: string, eventId: number, eventType: EventType): NexusLink {
  const url = `${path(namespace, 'workflows', workflowId, runId)}/history?eventID=${eventId}&eventType=${eventTypeName(eventType)}&referenceType=EventReference`;
  return { url, type: `${TYPE}WorkflowEvent` };
}

/** Those that are understood. */
export function readLinks(links: readonly NexusLink[]): Encoded<Link>[] {
  return links.flatMap((link) => readLink(link) ?? []);
}

/** The other way round; of events only, which is what handlers give. */
export function writeLinks(links: readonly Encoded<Link>[]): NexusLink[] {
  return links.flatMap((link) => {
    const event = Link.decode(link).workflowEvent;
    if (event === undefined) return [];
    const { namespace, workflowId, runId, eventRef, requestIdRef } = event;
    if (eventRef !== undefined) return eventLink(namespace, workflowId, runId, eventRef.eventId, eventRef.eventType);
    if (requestIdRef === undefined) return [];
    const query = `eventType=${eventTypeName(requestIdRef.eventType)}&referenceType=RequestIdReference&requestID=${encodeURIComponent(requestIdRef.requestId)}`;
    return { url: `${path(namespace, 'workflows', workflowId, runId)}/history?${query}`, type: `${TYPE}WorkflowEvent` };
  });
}

function readLink({ url: text, type }: NexusLink): Encoded<Link> | undefined {
  if (!type.startsWith(TYPE) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const parts = url.pathname.split('/').slice(1);
  if (url.protocol !== 'temporal:' || parts[0] !== 'namespaces' || parts.length < 5) return undefined;
  const [, namespace = '', , id = '', runId = ''] = parts.map(decoded);
  switch (`${parts[2]}/${type.slice(TYPE.length)}`) {
    case 'workflows/WorkflowEvent': {
      const reference = eventReference(url.searchParams);
      return reference && Link.encode({ workflowEvent: { namespace, workflowId: id, runId, ...reference } });
    }
    case 'workflows/Workflow':
      return Link.encode({ workflow: { namespace, workflowId: id, runId, reason: url.searchParams.get('reason') ?? '' } });
    case 'nexus-operations/NexusOperation':
      return Link.encode({ nexusOperation: { namespace, operationId: id, runId } });
    case 'activities/Activity':
      return Link.encode({ activity: { namespace, activityId: id, runId } });
    default:
      return undefined;
  }
}

function eventReference(query: URLSearchParams) {
  const eventType = eventTypeOf(query.get('eventType') ?? '');
  if (eventType === undefined) return undefined;
  switch (query.get('referenceType')) {
    case 'EventReference':
      return { eventRef: { eventId: Number(query.get('eventID') ?? 0) || 0, eventType } };
    case 'RequestIdReference':
      return { requestIdRef: { requestId: query.get('requestID') ?? '', eventType } };
    default:
      return undefined;
  }
}

function path(namespace: string, kind: string, id: string, runId: string): string {
  return `temporal:///namespaces/${encodeURIComponent(namespace)}/${kind}/${encodeURIComponent(id)}/${encodeURIComponent(runId)}`;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** For example `NexusOperationScheduled`; both this and the name in capitals are read. */
const EVENT_TYPES: ReadonlyMap<string, EventType> = new Map(Object.entries(EventType).flatMap(([name, type]) => [[pascal(name), type] as const, [`EVENT_TYPE_${name}`, type] as const]));
const EVENT_NAMES: ReadonlyMap<EventType, string> = new Map(Object.entries(EventType).map(([name, type]) => [type, pascal(name)]));

function eventTypeOf(name: string): EventType | undefined {
  return EVENT_TYPES.get(name);
}

function eventTypeName(type: EventType): string {
  return EVENT_NAMES.get(type) ?? '';
}

function pascal(name: string): string {
  return name.toLowerCase().replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
