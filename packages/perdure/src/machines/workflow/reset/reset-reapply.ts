/**
 * What came to the runs of a chain after the reset point, and is told to the run that a reset makes: nothing that was sent gets lost.
 *
 * Reapplied are signals and updates (as admitted ones: the workflow decides about them anew), unless excluded; changes of options; and, from
 * the base run only, what became of the children and (unless excluded) of the Nexus operations that it had at the reset point. Cancel requests are not, nor is anything that
 * the workflow itself decided.
 */
import { childEnd, EventType, HistoryEvent, operationEnd, ResetReapplyExcludeType, ResetReapplyType } from '../../../protocol/index.js';
import type { Encoded, ResetWorkflowExecutionRequest } from '../../../protocol/index.js';
import { Reader } from '../../../protocol/reader.js';
import type { Draft } from '../draft.js';
import { reapplicableUpdate, reapplyUpdate } from '../updates/update-reapply.js';

export interface ReapplyKinds {
  readonly signals: boolean;
  readonly updates: boolean;
  readonly nexus: boolean;
}

/** What a request wants to have reapplied. Unset is everything. */
export function reapplyKinds({ resetReapplyType: type, resetReapplyExcludeTypes: excluded }: ResetWorkflowExecutionRequest): ReapplyKinds {
  const all = type === ResetReapplyType.UNSPECIFIED || type === ResetReapplyType.ALL_ELIGIBLE;
  return {
    signals: (all || type === ResetReapplyType.SIGNAL) && !excluded.includes(ResetReapplyExcludeType.SIGNAL),
    updates: all && !excluded.includes(ResetReapplyExcludeType.UPDATE),
    nexus: all && !excluded.includes(ResetReapplyExcludeType.NEXUS),
  };
}

/** Collects the events to reapply from pages of history, decoding only those. */
export class ReapplyCollector {
  readonly events: ReappliedEvent[] = [];
  /** Bytes of the collected events. */
  sizeBytes = 0;

  constructor(readonly kinds: ReapplyKinds) {}

  /** @param isBase the events are the base run's own, so that event ids in them mean the same in the new run */
  add(history: Uint8Array, isBase: boolean): void {
    const reader = new Reader(history);
    while (reader.pos < reader.end) {
      const tag = reader.uint32();
      if (tag !== EVENT) {
        reader.skip(tag);
        continue;
      }
      const bytes = reader.bytes();
      if (!this.#wants(typeOf(bytes), isBase)) continue;
      this.events.push({ event: HistoryEvent.decode(new Uint8Array(bytes)), isBase });
      this.sizeBytes += bytes.byteLength;
    }
  }

  #wants(type: number, isBase: boolean): boolean {
    return wants(this.kinds, type, isBase);
  }
}

export interface ReappliedEvent {
  readonly event: HistoryEvent;
  readonly isBase: boolean;
}

export function wants(kinds: ReapplyKinds, type: number, isBase: boolean): boolean {
  switch (type) {
    case EventType.WORKFLOW_EXECUTION_SIGNALED:
      return kinds.signals;
    case EventType.WORKFLOW_EXECUTION_UPDATE_ADMITTED:
    case EventType.WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
      return kinds.updates;
    case EventType.WORKFLOW_EXECUTION_OPTIONS_UPDATED:
      return true;
    case EventType.CHILD_WORKFLOW_EXECUTION_STARTED:
    case EventType.START_CHILD_WORKFLOW_EXECUTION_FAILED:
    case EventType.CHILD_WORKFLOW_EXECUTION_COMPLETED:
    case EventType.CHILD_WORKFLOW_EXECUTION_FAILED:
    case EventType.CHILD_WORKFLOW_EXECUTION_CANCELED:
    case EventType.CHILD_WORKFLOW_EXECUTION_TIMED_OUT:
    case EventType.CHILD_WORKFLOW_EXECUTION_TERMINATED:
      return isBase;
    case EventType.NEXUS_OPERATION_STARTED:
    case EventType.NEXUS_OPERATION_COMPLETED:
    case EventType.NEXUS_OPERATION_FAILED:
    case EventType.NEXUS_OPERATION_CANCELED:
    case EventType.NEXUS_OPERATION_TIMED_OUT:
      return isBase && kinds.nexus;
    default:
      return false;
  }
}

/** Writes one reapplied event behind the history of the new run. */
export function reapply(draft: Draft, { event }: ReappliedEvent): void {
  const extras = { userMetadata: event.userMetadata, links: event.links };
  if (event.workflowExecutionSignaledEventAttributes !== undefined) {
    const { workflowExecutionSignaledEventAttributes } = event;
    draft.emit(event.eventType, { workflowExecutionSignaledEventAttributes }, extras);
    return;
  }
  if (event.workflowExecutionOptionsUpdatedEventAttributes !== undefined) {
    const { workflowExecutionOptionsUpdatedEventAttributes } = event;
    draft.emit(event.eventType, { workflowExecutionOptionsUpdatedEventAttributes }, { ...extras, workerMayIgnore: event.workerMayIgnore });
    return;
  }
  const update = reapplicableUpdate(event);
  if (update !== undefined) reapplyUpdate(draft, update);
  else if (operationEventId(event) !== undefined) reapplyOperationEvent(draft, event);
  else reapplyChildEvent(draft, event);
}

/** The run waits for the child since before the reset point, and has not heard this yet. */
function reapplyChildEvent(draft: Draft, event: HistoryEvent): void {
  const { children } = draft.state;
  const { eventId: _eventId, eventTime: _eventTime, eventType, taskId: _taskId, version: _version, ...rest } = event;
  const begun = event.childWorkflowExecutionStartedEventAttributes ?? event.startChildWorkflowExecutionFailedEventAttributes;
  if (begun !== undefined) {
    if (children.get(begun.initiatedEventId)?.runId === '') draft.emit(eventType, rest);
    return;
  }
  const end = childEnd(event);
  const child = end && children.get(end.initiatedEventId);
  if (child === undefined || end === undefined) return;
  end.startedEventId = child.startedEventId;
  draft.emit(eventType, rest);
}

/** The run waits for the operation since before the reset point, and has not heard this yet. */
function reapplyOperationEvent(draft: Draft, event: HistoryEvent): void {
  const operation = draft.state.nexusOperations.get(operationEventId(event) ?? 0);
  if (operation === undefined || (operation.started && operationEnd(event) === undefined)) return;
  const { eventId: _eventId, eventTime: _eventTime, eventType, taskId: _taskId, version: _version, ...rest } = event;
  draft.emit(eventType, rest, { links: event.links });
}

function operationEventId(event: HistoryEvent): number | undefined {
  return (event.nexusOperationStartedEventAttributes ?? operationEnd(event))?.scheduledEventId;
}

/** Tags of `History.events` and of `HistoryEvent.event_type`. */
const EVENT = 0x0a;
const EVENT_TYPE = 0x18;

function typeOf(event: Encoded<HistoryEvent>): number {
  const reader = new Reader(event);
  while (reader.pos < reader.end) {
    const tag = reader.uint32();
    if (tag === EVENT_TYPE) return reader.int32();
    reader.skip(tag);
  }
  return EventType.UNSPECIFIED;
}
