/** A worker that does exactly what a scenario says: it polls for workflow tasks and answers them with raw requests. */
import assert from 'node:assert/strict';
import {
  CommandType,
  Failure,
  History,
  TaskQueueKind,
  WorkflowService,
  WorkflowTaskFailedCause,
  type Command,
  type Init,
  type PollWorkflowTaskQueueResponse,
  type RespondWorkflowTaskCompletedRequest,
  type RespondWorkflowTaskCompletedResponse,
} from '#perdure/protocol/index';
import { start, type Stage } from '../scenario.js';

export class HandWorker {
  readonly #stage: Stage;
  readonly taskQueue: string;
  readonly stickyQueue: string;
  workflowId = '';

  constructor(stage: Stage) {
    this.#stage = stage;
    this.taskQueue = stage.taskQueue;
    this.stickyQueue = stage.id('sticky');
  }

  /** Starts a workflow whose tasks this worker answers. */
  async start(options: object = {}, name = 'byHand'): Promise<void> {
    const handle = await start(this.#stage, 'byHand', [], { workflowId: this.#stage.id(name), ...options });
    this.workflowId = handle.workflowId;
  }

  /** The next task. A poll that comes back empty is repeated, as workers do. */
  async poll(from: 'normal' | 'sticky' = 'normal'): Promise<PollWorkflowTaskQueueResponse> {
    const taskQueue =
      from === 'normal'
        ? { name: this.taskQueue, kind: TaskQueueKind.NORMAL }
        : { name: this.stickyQueue, kind: TaskQueueKind.STICKY, normalName: this.taskQueue };
    for (let left = 3; left > 0; left--) {
      const task = await this.#stage.call(WorkflowService.PollWorkflowTaskQueue, { namespace: this.#stage.namespace, taskQueue, identity: 'by hand' });
      if (task.taskToken.byteLength > 0) return task;
    }
    return assert.fail('no task came');
  }

  complete(
    { taskToken }: Pick<PollWorkflowTaskQueueResponse, 'taskToken'>,
    commands: readonly Init<Command>[] = [],
    request: Init<RespondWorkflowTaskCompletedRequest> = {},
  ): Promise<RespondWorkflowTaskCompletedResponse> {
    return this.#stage.call(WorkflowService.RespondWorkflowTaskCompleted, { namespace: this.#stage.namespace, taskToken, identity: 'by hand', commands, ...request });
  }

  async fail({ taskToken }: PollWorkflowTaskQueueResponse, cause: WorkflowTaskFailedCause = WorkflowTaskFailedCause.WORKFLOW_WORKER_UNHANDLED_FAILURE): Promise<void> {
    const failure = Failure.encode({ message: 'by hand', applicationFailureInfo: { type: 'Error' } });
    await this.#stage.call(WorkflowService.RespondWorkflowTaskFailed, { namespace: this.#stage.namespace, taskToken, identity: 'by hand', cause, failure });
  }

  async signal(signalName: string): Promise<void> {
    await this.#stage.client.workflow.getHandle(this.workflowId).signal(signalName);
  }

  /** What a completion says to be given the next tasks on the sticky queue. */
  sticky(scheduleToStartTimeout: number): Init<RespondWorkflowTaskCompletedRequest> {
    const workerTaskQueue = { name: this.stickyQueue, kind: TaskQueueKind.STICKY, normalName: this.taskQueue };
    return { stickyAttributes: { workerTaskQueue, scheduleToStartTimeout } };
  }
}

/** The ids of the events that a task brought. */
export const ids = ({ history }: PollWorkflowTaskQueueResponse): number[] => (history === undefined ? [] : History.decode(history).events.map(({ eventId }) => eventId));

export const command = {
  complete: (): Init<Command> => ({ commandType: CommandType.COMPLETE_WORKFLOW_EXECUTION, completeWorkflowExecutionCommandAttributes: {} }),
  timer: (timerId: string, startToFireTimeout: number): Init<Command> => ({ commandType: CommandType.START_TIMER, startTimerCommandAttributes: { timerId, startToFireTimeout } }),
  cancelTimer: (timerId: string): Init<Command> => ({ commandType: CommandType.CANCEL_TIMER, cancelTimerCommandAttributes: { timerId } }),
  marker: (markerName: string): Init<Command> => ({ commandType: CommandType.RECORD_MARKER, recordMarkerCommandAttributes: { markerName } }),
  activity: (activityId: string, taskQueue: string, startToCloseTimeout = 10_000): Init<Command> => ({
    commandType: CommandType.SCHEDULE_ACTIVITY_TASK,
    scheduleActivityTaskCommandAttributes: { activityId, activityType: { name: 'byHand' }, taskQueue: { name: taskQueue }, startToCloseTimeout },
  }),
  cancelActivity: (scheduledEventId: number): Init<Command> => ({
    commandType: CommandType.REQUEST_CANCEL_ACTIVITY_TASK,
    requestCancelActivityTaskCommandAttributes: { scheduledEventId },
  }),
} as const;
