/**
 * Histories for tests, written as a server would write them.
 *
 * Each method appends events and gives the builder back; ids and times follow from the position. Only tests import this module.
 */
import {
  Acceptance,
  ActivityTaskScheduledEventAttributes,
  Failure,
  History,
  HistoryEvent,
  Payloads,
  PollWorkflowTaskQueueResponse,
  UpdateRequest,
  UpdateResponse,
  type Command,
  type Encoded,
  type Init,
  type Message,
  type WorkflowQuery,
} from '../../protocol/index.js';
import { defaultPayloadConverter } from '../common/payload-converter.js';
import { EventType } from '../../protocol/index.js';

export const RUN_ID = '11111111-1111-4111-8111-111111111111';
export const START_TIME_MS = Date.UTC(2030, 0, 1);
const STEP_MS = 1000;

export function payloads(...values: unknown[]): Encoded<Payloads> {
  return Payloads.encode({ payloads: values.map((value) => defaultPayloadConverter.toPayload(value)) });
}

export function valuesOf(bytes: Encoded<Payloads> | undefined): unknown[] {
  return bytes === undefined ? [] : Payloads.decode(bytes).payloads.map((payload) => defaultPayloadConverter.fromPayload(payload));
}

/** An update request, as it comes beside a task whose WorkflowTaskScheduled event has this id. */
export function updateMessage(updateId: string, name: string, args: unknown[], eventId: number): Init<Message> {
  const request = { meta: { updateId, identity: 'client' }, input: { name, args: args.length === 0 ? undefined : payloads(...args) } };
  const body = { typeUrl: 'type.googleapis.com/temporal.api.update.v1.Request', value: UpdateRequest.encode(request) };
  return { id: `${updateId}/request`, protocolInstanceId: updateId, eventId, body };
}

export class HistoryBuilder {
  readonly events: HistoryEvent[] = [];
  readonly workflowType: string;
  readonly runId: string;
  #lastCompleted = 0;

  constructor(workflowType: string, args: unknown[] = [], runId: string = RUN_ID) {
    this.workflowType = workflowType;
    this.runId = runId;
    this.add(EventType.WORKFLOW_EXECUTION_STARTED, {
      workflowExecutionStartedEventAttributes: {
        workflowType: { name: workflowType },
        taskQueue: { name: 'orders' },
        input: args.length === 0 ? undefined : payloads(...args),
        workflowTaskTimeout: 10_000,
        originalExecutionRunId: runId,
        firstExecutionRunId: runId,
        attempt: 1,
        workflowId: 'order-1',
      },
    });
  }

  get nextEventId(): number {
    return this.events.length + 1;
  }

  add(eventType: EventType, attributes: Init<HistoryEvent>, atMs?: number): this {
    const eventId = this.nextEventId;
    this.events.push(HistoryEvent.create({ eventId, eventType, eventTime: atMs ?? START_TIME_MS + eventId * STEP_MS, ...attributes }));
    return this;
  }

  /** A task that is handed to a worker now. */
  taskStarted(atMs?: number): this {
    this.add(EventType.WORKFLOW_TASK_SCHEDULED, { workflowTaskScheduledEventAttributes: { attempt: 1 } });
    return this.add(
      EventType.WORKFLOW_TASK_STARTED,
      { workflowTaskStartedEventAttributes: { scheduledEventId: this.nextEventId - 1, historySizeBytes: 100 } },
      atMs,
    );
  }

  taskCompleted(): this {
    this.#lastCompleted = this.nextEventId - 1;
    return this.add(EventType.WORKFLOW_TASK_COMPLETED, {
      workflowTaskCompletedEventAttributes: { startedEventId: this.nextEventId - 1, scheduledEventId: this.nextEventId - 2 },
    });
  }

  taskFailed(): this {
    return this.add(EventType.WORKFLOW_TASK_FAILED, {
      workflowTaskFailedEventAttributes: { startedEventId: this.nextEventId - 1, scheduledEventId: this.nextEventId - 2, cause: 1 },
    });
  }

  signal(signalName: string, ...args: unknown[]): this {
    return this.add(EventType.WORKFLOW_EXECUTION_SIGNALED, {
      workflowExecutionSignaledEventAttributes: { signalName, input: args.length === 0 ? undefined : payloads(...args) },
    });
  }

  cancelRequested(): this {
    return this.add(EventType.WORKFLOW_EXECUTION_CANCEL_REQUESTED, { workflowExecutionCancelRequestedEventAttributes: { cause: 'test' } });
  }

  activityScheduled(activityId: string, activityType: string): this {
    return this.add(EventType.ACTIVITY_TASK_SCHEDULED, {
      activityTaskScheduledEventAttributes: ActivityTaskScheduledEventAttributes.create({ activityId, activityType: { name: activityType } }),
    });
  }

  activityStarted(activityId: string): this {
    return this.add(EventType.ACTIVITY_TASK_STARTED, {
      activityTaskStartedEventAttributes: { scheduledEventId: this.scheduledId(activityId), attempt: 1, identity: 'worker-1' },
    });
  }

  activityCompleted(activityId: string, result: unknown): this {
    this.activityStarted(activityId);
    return this.add(EventType.ACTIVITY_TASK_COMPLETED, {
      activityTaskCompletedEventAttributes: {
        scheduledEventId: this.scheduledId(activityId),
        startedEventId: this.nextEventId - 1,
        result: payloads(result),
      },
    });
  }

  activityFailed(activityId: string, failure: Init<Failure>): this {
    this.activityStarted(activityId);
    return this.add(EventType.ACTIVITY_TASK_FAILED, {
      activityTaskFailedEventAttributes: {
        scheduledEventId: this.scheduledId(activityId),
        startedEventId: this.nextEventId - 1,
        retryState: 4,
        failure: Failure.encode(failure),
        identity: 'worker-1',
      },
    });
  }

  activityCancelRequested(activityId: string): this {
    return this.add(EventType.ACTIVITY_TASK_CANCEL_REQUESTED, {
      activityTaskCancelRequestedEventAttributes: { scheduledEventId: this.scheduledId(activityId) },
    });
  }

  activityCanceled(activityId: string, details?: unknown): this {
    return this.add(EventType.ACTIVITY_TASK_CANCELED, {
      activityTaskCanceledEventAttributes: {
        scheduledEventId: this.scheduledId(activityId),
        details: details === undefined ? undefined : payloads(details),
      },
    });
  }

  timerStarted(timerId: string): this {
    return this.add(EventType.TIMER_STARTED, { timerStartedEventAttributes: { timerId } });
  }

  timerFired(timerId: string): this {
    return this.add(EventType.TIMER_FIRED, { timerFiredEventAttributes: { timerId, startedEventId: this.timerEventId(timerId) } });
  }

  timerCanceled(timerId: string): this {
    return this.add(EventType.TIMER_CANCELED, { timerCanceledEventAttributes: { timerId, startedEventId: this.timerEventId(timerId) } });
  }

  /** Events of commands, as a server writes them: of those that these tests make. */
  commands(commands: readonly Init<Command>[], messages: readonly Init<Message>[] = []): this {
    for (const command of commands) {
      const { markerName, details, failure } = command.recordMarkerCommandAttributes ?? {};
      const { timerId } = command.startTimerCommandAttributes ?? command.cancelTimerCommandAttributes ?? {};
      const messageId = command.protocolMessageCommandAttributes?.messageId;
      const activity = command.scheduleActivityTaskCommandAttributes;
      if (markerName !== undefined) this.add(EventType.MARKER_RECORDED, { markerRecordedEventAttributes: { markerName, details, failure } });
      else if (command.startTimerCommandAttributes) this.timerStarted(timerId!);
      else if (command.cancelTimerCommandAttributes) this.timerCanceled(timerId!);
      else if (activity) this.activityScheduled(activity.activityId!, activity.activityType!.name!);
      else if (messageId !== undefined) this.#updateAnswered(messages.find(({ id }) => id === messageId)!);
      else if (command.completeWorkflowExecutionCommandAttributes) this.completed();
      else throw new Error(`No event is known for command type ${command.commandType}.`);
    }
    return this;
  }

  #updateAnswered({ protocolInstanceId, body }: Init<Message>): void {
    if (body!.typeUrl!.endsWith('Acceptance')) {
      const { acceptedRequest, acceptedRequestMessageId, acceptedRequestSequencingEventId } = Acceptance.decode(body!.value!);
      this.add(EventType.WORKFLOW_EXECUTION_UPDATE_ACCEPTED, {
        workflowExecutionUpdateAcceptedEventAttributes: { protocolInstanceId, acceptedRequest, acceptedRequestMessageId, acceptedRequestSequencingEventId },
      });
    } else {
      const { meta, outcome } = UpdateResponse.decode(body!.value!);
      this.add(EventType.WORKFLOW_EXECUTION_UPDATE_COMPLETED, { workflowExecutionUpdateCompletedEventAttributes: { meta, outcome } });
    }
  }

  completed(): this {
    return this.add(EventType.WORKFLOW_EXECUTION_COMPLETED, { workflowExecutionCompletedEventAttributes: {} });
  }

  scheduledId(activityId: string): number {
    return this.#idOf((event) => event.activityTaskScheduledEventAttributes?.activityId === activityId);
  }

  timerEventId(timerId: string): number {
    return this.#idOf((event) => event.timerStartedEventAttributes?.timerId === timerId);
  }

  /** The task that ends with the last event: the whole history, or from `fromEventId` on. */
  task(fromEventId = 1, extra: Init<PollWorkflowTaskQueueResponse> = {}): PollWorkflowTaskQueueResponse {
    return this.#response(this.events.slice(fromEventId - 1), { startedEventId: this.events.length, ...extra });
  }

  /** The same task as a worker gets it that keeps the run: only what came since the task before. */
  stickyTask(extra: Init<PollWorkflowTaskQueueResponse> = {}): PollWorkflowTaskQueueResponse {
    return this.task(this.#lastCompleted + 1, extra);
  }

  /** A direct query. Without history, as a worker gets it that keeps the run; or with all of it. */
  queryTask(query: Init<WorkflowQuery>, withHistory = false): PollWorkflowTaskQueueResponse {
    return this.#response(withHistory ? this.events : [], { startedEventId: 0, query });
  }

  encoded(): Encoded<History> {
    return History.encode({ events: this.events });
  }

  #response(events: readonly HistoryEvent[], extra: Init<PollWorkflowTaskQueueResponse>): PollWorkflowTaskQueueResponse {
    return PollWorkflowTaskQueueResponse.create({
      taskToken: new Uint8Array([1]),
      workflowExecution: { workflowId: 'order-1', runId: this.runId },
      workflowType: { name: this.workflowType },
      previousStartedEventId: this.#lastCompleted,
      attempt: 1,
      history: History.encode({ events }),
      ...extra,
    });
  }

  #idOf(matches: (event: HistoryEvent) => boolean): number {
    const event = this.events.findLast(matches);
    if (event === undefined) throw new Error('The history has no such event yet.');
    return event.eventId;
  }
}
