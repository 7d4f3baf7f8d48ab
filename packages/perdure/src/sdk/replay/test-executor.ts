/** An executor over the test workflows, and short names for what tests look at. Only tests import this module. */
import { CommandType, History, type Command, type Init } from '../../protocol/index.js';
import { defaultDataConverter, type LoadedDataConverter } from '../common/data-converter.js';
import { defaultPayloadConverter } from '../common/payload-converter.js';
import { DefaultLogger, type LogEntry } from '../common/logger.js';
import { bundleWorkflowCode, type WorkflowBundle } from '../sandbox/bundle.js';
import { createWorkflowExecutor, type FetchHistory, type TaskOutcome, type WorkflowExecutor, type WorkflowExecutorOptions } from './executor.js';
import { valuesOf, type HistoryBuilder } from './history-builder.js';
import type { LocalActivityHost, LocalActivityOutcome, LocalActivityRequest } from './local-activities.js';

const bundles = new Map<string, Promise<WorkflowBundle>>();

export interface TestExecutor extends AsyncDisposable {
  readonly executor: WorkflowExecutor;
  readonly logged: LogEntry[];
}

export async function testExecutor(
  maxCachedRuns = 10,
  dataConverter: LoadedDataConverter = defaultDataConverter,
  localActivities?: LocalActivityHost,
  workflowsFile = './test-workflows.js',
  more: Partial<WorkflowExecutorOptions> = {},
): Promise<TestExecutor> {
  const bundle = bundles.get(workflowsFile) ?? bundleWorkflowCode({ workflowsPath: new URL(workflowsFile, import.meta.url).href });
  bundles.set(workflowsFile, bundle);
  const logged: LogEntry[] = [];
  const logger = new DefaultLogger('DEBUG', (entry) => void logged.push(entry));
  const executor = createWorkflowExecutor({
    bundle: await bundle,
    namespace: 'default',
    taskQueue: 'orders',
    maxCachedRuns,
    dataConverter,
    logger,
    localActivities,
    ...more,
  });
  return { executor, logged, [Symbol.asyncDispose]: () => executor.close() };
}

/** Runs nothing: the test says how each local activity ends, and when a task must be renewed. */
export class ManualLocalActivities implements LocalActivityHost {
  readonly started: LocalActivityRequest[] = [];
  readonly stopped: string[] = [];
  readonly #running = new Map<string, (outcome: LocalActivityOutcome, backoffMs?: number) => void>();
  #renew: (() => void) | undefined;
  #onStart: (() => void) | undefined;

  has(): boolean {
    return true;
  }

  now(): number {
    return 0;
  }

  start(request: LocalActivityRequest, done: Parameters<LocalActivityHost['start']>[1]) {
    const { activityId, attempt } = request;
    this.started.push(request);
    this.#running.set(activityId, (outcome, backoffMs) => done({ outcome, attempt, runtimeMs: 250.4, backoffMs, originalScheduleTimeMs: 1_000 }));
    this.#onStart?.();
    return { cancel: () => void this.stopped.push(`cancel ${activityId}`), abandon: () => void this.stopped.push(`abandon ${activityId}`) };
  }

  renewAfter(_arrivedMs: number, _taskTimeoutMs: number, callback: () => void): () => void {
    this.#renew = callback;
    return () => (this.#renew = undefined);
  }

  /** Resolves when so many have been started in all. */
  async count(count: number): Promise<void> {
    while (this.started.length < count) await new Promise<void>((resolve) => (this.#onStart = resolve));
  }

  end(activityId: string, outcome: LocalActivityOutcome, backoffMs?: number): void {
    this.#running.get(activityId)!(outcome, backoffMs);
  }

  complete(activityId: string, value: unknown): void {
    this.end(activityId, { kind: 'completed', result: defaultPayloadConverter.toPayload(value) });
  }

  /** As soon as a task waits. */
  async renew(): Promise<void> {
    while (this.#renew === undefined) await new Promise((resolve) => setImmediate(resolve));
    this.#renew();
  }
}

/** For tasks that must not need it. */
export const noFetch: FetchHistory = () => Promise.reject(new Error('The task asked for history that it should not need.'));

export function fetchFrom(builder: HistoryBuilder, pageSize = Infinity): FetchHistory {
  return async (token) => {
    const from = token.byteLength === 0 ? 0 : Number(Buffer.from(token).toString());
    const to = Math.min(from + pageSize, builder.events.length);
    const nextPageToken = to < builder.events.length ? Buffer.from(String(to)) : new Uint8Array(0);
    return { history: History.encode({ events: builder.events.slice(from, to) }), nextPageToken };
  };
}

export function commandsOf(outcome: TaskOutcome): readonly Init<Command>[] {
  if (outcome.kind !== 'completed') throw new Error(`The task was not completed: ${JSON.stringify(outcome)}`);
  return outcome.commands;
}

/** Commands in a short form, such as `schedule greet 1`. */
export function shortly(outcome: TaskOutcome): string[] {
  return commandsOf(outcome).map((command) => {
    const activity = command.scheduleActivityTaskCommandAttributes;
    if (activity) return `schedule ${activity.activityType?.name} ${activity.activityId}`;
    if (command.startTimerCommandAttributes) {
      return `timer ${command.startTimerCommandAttributes.timerId} ${command.startTimerCommandAttributes.startToFireTimeout}`;
    }
    if (command.cancelTimerCommandAttributes) return `cancel timer ${command.cancelTimerCommandAttributes.timerId}`;
    const cancel = command.requestCancelActivityTaskCommandAttributes;
    if (cancel) return `cancel activity scheduled by ${cancel.scheduledEventId}`;
    if (command.completeWorkflowExecutionCommandAttributes) {
      return `complete ${JSON.stringify(valuesOf(command.completeWorkflowExecutionCommandAttributes.result)[0])}`;
    }
    const name = Object.entries(CommandType).find(([, type]) => type === command.commandType)?.[0] ?? '?';
    return name.toLowerCase().replaceAll('_', ' ');
  });
}

export function resultOf(outcome: TaskOutcome): unknown {
  const complete = commandsOf(outcome).at(-1)?.completeWorkflowExecutionCommandAttributes;
  if (complete === undefined) throw new Error(`The workflow did not complete: ${shortly(outcome).join('; ')}`);
  return valuesOf(complete.result)[0];
}
