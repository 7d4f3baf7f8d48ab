/** An executor over the test workflows, and short names for what tests look at. Only tests import this module. */
import { CommandType, History, type Command, type Init } from '../../protocol/index.js';
import { defaultDataConverter, type LoadedDataConverter } from '../common/data-converter.js';
import { DefaultLogger, type LogEntry } from '../common/logger.js';
import { bundleWorkflowCode, type WorkflowBundle } from '../sandbox/bundle.js';
import { createWorkflowExecutor, type FetchHistory, type TaskOutcome, type WorkflowExecutor } from './executor.js';
import { valuesOf, type HistoryBuilder } from './history-builder.js';

let bundle: Promise<WorkflowBundle> | undefined;

export interface TestExecutor extends AsyncDisposable {
  readonly executor: WorkflowExecutor;
  readonly logged: LogEntry[];
}

export async function testExecutor(maxCachedRuns = 10, dataConverter: LoadedDataConverter = defaultDataConverter): Promise<TestExecutor> {
  bundle ??= bundleWorkflowCode({ workflowsPath: new URL('./test-workflows.js', import.meta.url).href });
  const logged: LogEntry[] = [];
  const logger = new DefaultLogger('DEBUG', (entry) => void logged.push(entry));
  const executor = createWorkflowExecutor({ bundle: await bundle, namespace: 'default', taskQueue: 'orders', maxCachedRuns, dataConverter, logger });
  return { executor, logged, [Symbol.asyncDispose]: () => executor.close() };
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
