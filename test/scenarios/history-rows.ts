/** Which rows of the table a history shows: event types, timeouts, causes, retry states. */
import { Failure, TimeoutType, type Encoded, type HistoryEvent } from '#perdure/protocol/index';
import type { Run } from './recorder.js';
import { rowOf, type Row } from './rows.js';

const ACTIVITY_TIMEOUTS: Partial<Record<TimeoutType, Row>> = {
  [TimeoutType.SCHEDULE_TO_CLOSE]: 'timeout:activity.scheduleToClose',
  [TimeoutType.SCHEDULE_TO_START]: 'timeout:activity.scheduleToStart',
  [TimeoutType.START_TO_CLOSE]: 'timeout:activity.startToClose',
  [TimeoutType.HEARTBEAT]: 'timeout:activity.heartbeat',
};
const TASK_TIMEOUTS: Partial<Record<TimeoutType, Row>> = {
  [TimeoutType.SCHEDULE_TO_START]: 'timeout:workflowTask.scheduleToStart',
  [TimeoutType.START_TO_CLOSE]: 'timeout:workflowTask.startToClose',
};
const OPERATION_TIMEOUTS: Partial<Record<TimeoutType, Row>> = {
  [TimeoutType.SCHEDULE_TO_CLOSE]: 'timeout:nexus.scheduleToClose',
  [TimeoutType.SCHEDULE_TO_START]: 'timeout:nexus.scheduleToStart',
  [TimeoutType.START_TO_CLOSE]: 'timeout:nexus.startToClose',
};

function* timeoutsIn(failure: Failure | undefined, rows = ACTIVITY_TIMEOUTS): Generator<Row> {
  for (let at = failure; at !== undefined; at = at.cause) {
    const row = at.timeoutFailureInfo && rows[at.timeoutFailureInfo.timeoutType];
    if (row) yield row;
  }
}

const decoded = (failure: Encoded<Failure> | undefined): Failure | undefined => (failure === undefined ? undefined : Failure.decode(failure));

export function historyRows(events: readonly HistoryEvent[]): Row[] {
  const rows: (Row | undefined)[] = [];
  const started = events[0]?.workflowExecutionStartedEventAttributes;
  rows.push(rowOf('policy:continueAsNew.', started?.initiator));
  for (const event of events) {
    rows.push(rowOf('event:', event.eventType));
    rows.push(rowOf('cause:workflowTask.', event.workflowTaskFailedEventAttributes?.cause));
    rows.push(rowOf('cause:startChild.', event.startChildWorkflowExecutionFailedEventAttributes?.cause));
    rows.push(rowOf('cause:signalExternal.', event.signalExternalWorkflowExecutionFailedEventAttributes?.cause));
    rows.push(rowOf('cause:cancelExternal.', event.requestCancelExternalWorkflowExecutionFailedEventAttributes?.cause));
    const taskTimeout = event.workflowTaskTimedOutEventAttributes?.timeoutType;
    if (taskTimeout) rows.push(TASK_TIMEOUTS[taskTimeout]);
    const ended =
      event.activityTaskFailedEventAttributes ??
      event.activityTaskTimedOutEventAttributes ??
      event.workflowExecutionFailedEventAttributes ??
      event.workflowExecutionTimedOutEventAttributes ??
      event.childWorkflowExecutionFailedEventAttributes ??
      event.childWorkflowExecutionTimedOutEventAttributes;
    rows.push(rowOf('policy:retryState.', ended?.retryState));
    rows.push(...timeoutsIn(decoded(event.activityTaskTimedOutEventAttributes?.failure)), ...timeoutsIn(decoded(event.activityTaskStartedEventAttributes?.lastFailure)));
    rows.push(...timeoutsIn(decoded(event.nexusOperationTimedOutEventAttributes?.failure), OPERATION_TIMEOUTS));
    if (event.workflowExecutionTimedOutEventAttributes) rows.push(...runTimeouts(started?.workflowExecutionTimeout, started?.workflowRunTimeout, 'workflow'));
    const child = event.childWorkflowExecutionTimedOutEventAttributes;
    if (child) {
      const initiated = events[child.initiatedEventId - 1]?.startChildWorkflowExecutionInitiatedEventAttributes;
      rows.push(...runTimeouts(initiated?.workflowExecutionTimeout, initiated?.workflowRunTimeout, 'child'));
    }
  }
  return rows.filter((row): row is Row => row !== undefined);
}

/** Which of its two timeouts ended a run: the server lowers the run's to the execution's, so equal means the execution's. */
function runTimeouts(executionMs: number | undefined, runMs: number | undefined, whose: 'workflow' | 'child'): Row[] {
  if (executionMs !== undefined && executionMs > 0 && (!runMs || runMs >= executionMs)) return [`timeout:${whose}.execution`];
  return [`timeout:${whose}.run`];
}

/** The runs that come of a run: the next one of its chain, and its children. */
export function offspring(workflowId: string, events: readonly HistoryEvent[]): Run[] {
  return events.flatMap((event) => {
    const next =
      event.workflowExecutionContinuedAsNewEventAttributes ??
      event.workflowExecutionCompletedEventAttributes ??
      event.workflowExecutionFailedEventAttributes ??
      event.workflowExecutionTimedOutEventAttributes;
    if (next?.newExecutionRunId) return [{ workflowId, runId: next.newExecutionRunId }];
    const child = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution;
    return child === undefined ? [] : [{ workflowId: child.workflowId, runId: child.runId }];
  });
}
