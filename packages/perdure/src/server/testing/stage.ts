/**
 * A whole engine on a virtual clock, and a hand-made worker: what tests of RPCs play on.
 *
 * Calls go through the in-process transport, as those of real clients do. The data is in a file of its own, so that the engine can be
 * closed and opened again in the middle of a test.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  CommandType,
  EventType,
  History,
  Payloads,
  TaskQueueKind,
  WorkflowService,
  type Command,
  type HistoryEvent,
  type Init,
  type Method,
  type PollActivityTaskQueueResponse,
  type PollWorkflowTaskQueueResponse,
  type RespondWorkflowTaskCompletedRequest,
  type RespondWorkflowTaskCompletedResponse,
  type StartWorkflowExecutionRequest,
} from '../../protocol/index.js';
import { silentLogger, VirtualClock } from '../../ports/index.js';
import type { CallOptions } from '../../transport/transport.js';
import { openEngine, type Engine, type EngineOptions } from '../engine.js';

export const NAMESPACE = 'default';
export const QUEUE = 'queue';
export const STICKY = 'sticky-of-worker';

export class Stage implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'perdure-stage-'));
  #engine: Engine | undefined;

  readonly #options: EngineOptions;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /** @param options of the engine; the clock and the file are the stage's own */
  static async open(options: EngineOptions = {}): Promise<Stage> {
    const stage = new Stage(options);
    await stage.#open();
    return stage;
  }

  get engine(): Engine {
    if (this.#engine === undefined) throw new Error('The engine of this stage is closed.');
    return this.#engine;
  }

  /** Closes the engine and opens it again on the same file, after `downMs` milliseconds. */
  async restart(downMs = 0): Promise<void> {
    await this.engine.close();
    if (downMs > 0) await this.clock.advance(downMs);
    await this.#open();
  }

  call<Request, Response>(method: Method<Request, Response>, request: Init<Request>, options?: CallOptions): Promise<Response> {
    return this.engine.transport.call(method, request, options);
  }

  async start(workflowId: string, request: Init<StartWorkflowExecutionRequest> = {}): Promise<string> {
    const { runId } = await this.call(WorkflowService.StartWorkflowExecution, startRequest(workflowId, request));
    return runId;
  }

  async signal(workflowId: string, signalName: string): Promise<void> {
    await this.call(WorkflowService.SignalWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId }, signalName });
  }

  pollWorkflow(queue: string = QUEUE, options?: CallOptions): Promise<PollWorkflowTaskQueueResponse> {
    const kind = queue === QUEUE ? TaskQueueKind.NORMAL : TaskQueueKind.STICKY;
    const taskQueue = { name: queue, kind, normalName: kind === TaskQueueKind.STICKY ? QUEUE : '' };
    return this.call(WorkflowService.PollWorkflowTaskQueue, { namespace: NAMESPACE, taskQueue, identity: 'worker' }, options);
  }

  pollActivity(options?: CallOptions): Promise<PollActivityTaskQueueResponse> {
    return this.call(WorkflowService.PollActivityTaskQueue, { namespace: NAMESPACE, taskQueue: { name: QUEUE }, identity: 'worker' }, options);
  }

  complete(
    task: Pick<PollWorkflowTaskQueueResponse, 'taskToken'>,
    commands: readonly Init<Command>[] = [],
    request: Init<RespondWorkflowTaskCompletedRequest> = {},
  ): Promise<RespondWorkflowTaskCompletedResponse> {
    return this.call(WorkflowService.RespondWorkflowTaskCompleted, { taskToken: task.taskToken, commands, identity: 'worker', ...request });
  }

  /** All events of a run, as a client that pages gets them. */
  async events(workflowId: string, runId = ''): Promise<HistoryEvent[]> {
    const events: HistoryEvent[] = [];
    let nextPageToken: Uint8Array = new Uint8Array(0);
    do {
      const page = await this.call(WorkflowService.GetWorkflowExecutionHistory, {
        namespace: NAMESPACE,
        execution: { workflowId, runId },
        nextPageToken,
      });
      events.push(...eventsOf(page));
      nextPageToken = page.nextPageToken;
    } while (nextPageToken.byteLength > 0);
    return events;
  }

  /** The types of all events of a run, for example `WORKFLOW_EXECUTION_STARTED`. */
  async eventTypes(workflowId: string): Promise<string[]> {
    return (await this.events(workflowId)).map(({ eventType }) => typeName(eventType));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #open(): Promise<void> {
    this.#engine = await openEngine({ ...this.#options, filename: path.join(this.#folder, 'stage.db'), clock: this.clock, logger: silentLogger, verify: true });
  }
}

export function startRequest(workflowId: string, request: Init<StartWorkflowExecutionRequest> = {}): Init<StartWorkflowExecutionRequest> {
  return { namespace: NAMESPACE, workflowId, workflowType: { name: 'order' }, taskQueue: { name: QUEUE }, requestId: `start ${workflowId}`, ...request };
}

/** Makes the worker that completes a task the sticky one. */
export const sticky = { stickyAttributes: { workerTaskQueue: { name: STICKY, kind: TaskQueueKind.STICKY, normalName: QUEUE }, scheduleToStartTimeout: 10_000 } };

export const payloads = (text: string): Uint8Array =>
  Payloads.encode({ payloads: [{ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(JSON.stringify(text)) }] });

export const completeWorkflow = (result = 'done'): Init<Command> => ({
  commandType: CommandType.COMPLETE_WORKFLOW_EXECUTION,
  completeWorkflowExecutionCommandAttributes: { result: payloads(result) },
});

export const scheduleActivity = (activityId: string): Init<Command> => ({
  commandType: CommandType.SCHEDULE_ACTIVITY_TASK,
  scheduleActivityTaskCommandAttributes: {
    activityId,
    activityType: { name: 'charge' },
    taskQueue: { name: QUEUE },
    input: payloads(activityId),
    startToCloseTimeout: 10_000,
    heartbeatTimeout: 5_000,
  },
});

export const startTimer = (timerId: string, startToFireTimeout: number): Init<Command> => ({
  commandType: CommandType.START_TIMER,
  startTimerCommandAttributes: { timerId, startToFireTimeout },
});

export const eventsOf = ({ history }: { readonly history?: Uint8Array | undefined }): HistoryEvent[] =>
  history === undefined ? [] : History.decode(history).events;

export function typeName(type: EventType): string {
  return Object.entries(EventType).find(([, value]) => value === type)?.[0] ?? `${type}`;
}
