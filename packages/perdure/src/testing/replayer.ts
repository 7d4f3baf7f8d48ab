/**
 * Runs the workflow code of today against histories of yesterday, and reports where it goes another way.
 *
 * For tests before a deployment, and for `perdure replay`. Nothing is sent, no activity runs, no server is needed.
 */
import { EventType, History, WorkflowTaskFailedCause, type HistoryEvent } from '../protocol/index.js';
import { loadDataConverter } from '../sdk/client/load-data-converter.js';
import { DefaultLogger, type Logger } from '../sdk/common/index.js';
import { isCommandEvent } from '../sdk/replay/command-queue.js';
import { createWorkflowExecutor, type WorkflowExecutor } from '../sdk/replay/executor.js';
import type { ReplayWorkerOptions } from '../sdk/worker/replay.js';
import { cachedBundle } from './bundle-cache.js';
import type { NamedHistory } from './histories.js';
import { wholeBundle } from '../sdk/sandbox/stored-bundle.js';
import { inspectable } from './inspectable-bundle.js';

export interface ReplayerOptions extends ReplayWorkerOptions {
  /** Give the code its source map, so that a debugger can stop in the user's files. Default: false. */
  readonly inspectable?: boolean;
  /** Where workflow code logs to. Default: errors on standard error. */
  readonly logger?: Logger;
}

export interface ReplayOptions {
  /** What comes after this event is not looked at, nor is a workflow task that it cuts in two. Default: the whole history. */
  readonly untilEventId?: number;
}

/** What one history came to. */
export interface ReplayReport {
  readonly workflowId: string;
  readonly runId: string;
  readonly workflowType: string;
  readonly events: number;
  /** `replayed`: the code does what the history says. `nondeterminism`: it goes another way. `failed`: it broke, or the history is none. */
  readonly outcome: 'replayed' | 'nondeterminism' | 'failed';
  /** The event that the history holds. Absent if the code did more than the history shows. */
  readonly expected?: { readonly eventId: number; readonly description: string } | undefined;
  /** What the code did instead. Absent if it did nothing. */
  readonly actual?: { readonly description: string; readonly stack: string } | undefined;
  /** Where in the user's code: `src/workflows.ts:42:9`. */
  readonly location?: string | undefined;
  readonly message?: string | undefined;
}

export class Replayer implements AsyncDisposable {
  readonly #executor: WorkflowExecutor;

  /**
   * Bundles the workflows.
   *
   * @throws WorkflowBundleError
   * @example
   * ```ts
   * await using replayer = await Replayer.create({ workflowsPath });
   * const reports = await replayer.replayAll([readHistoryFile('histories/order-17.json')]);
   * assert.deepEqual(reports.filter(({ outcome }) => outcome !== 'replayed').map(describeReplay), []);
   * ```
   */
  static async create(options: ReplayerOptions): Promise<Replayer> {
    const given = { taskQueue: 'replay', ...options };
    const bundle = options.workflowBundle === undefined ? await cachedBundle(given) : await wholeBundle(options.workflowBundle);
    return new Replayer(
      createWorkflowExecutor({
        bundle: options.inspectable === true ? inspectable(bundle) : bundle,
        namespace: options.namespace ?? 'default',
        taskQueue: 'replay',
        maxCachedRuns: 0,
        dataConverter: loadDataConverter(options.dataConverter),
        logger: options.logger ?? new DefaultLogger('ERROR'),
      }),
    );
  }

  private constructor(executor: WorkflowExecutor) {
    this.#executor = executor;
  }

  /** The workflow types that the code exports. */
  get workflowTypes(): readonly string[] {
    return this.#executor.workflowTypes;
  }

  /** Replays one history. Never rejects because of what it finds: the report says it. */
  async replay({ workflowId, history }: NamedHistory, { untilEventId = Infinity }: ReplayOptions = {}): Promise<ReplayReport> {
    // Decoded anew: payload codecs change the events, which are the caller's.
    const events = upTo(History.decode(History.encode(history)).events, untilEventId);
    const started = events[0]?.workflowExecutionStartedEventAttributes;
    const runId = started?.originalExecutionRunId ?? '';
    const report = { workflowId, runId, workflowType: started?.workflowType?.name ?? '', events: events.length };
    if (runId === '') return { ...report, outcome: 'failed', message: 'The history does not begin with WorkflowExecutionStarted.' };
    // The first event says whose history it is, unless an older server wrote it: code may look at its own id.
    const failed = await this.#executor.replay(started?.workflowId || workflowId, events);
    if (failed === undefined) return { ...report, outcome: 'replayed' };
    const { cause, failure, nondeterminism } = failed;
    const stack = nondeterminism?.actual?.stack ?? failure.stackTrace ?? '';
    return {
      ...report,
      outcome: cause === WorkflowTaskFailedCause.NON_DETERMINISTIC_ERROR ? 'nondeterminism' : 'failed',
      expected: nondeterminism?.expected,
      actual: nondeterminism?.actual,
      location: locationIn(stack),
      message: failure.message ?? '',
    };
  }

  /** Replays histories one after the other. */
  async replayAll(histories: Iterable<NamedHistory> | AsyncIterable<NamedHistory>, options?: ReplayOptions): Promise<ReplayReport[]> {
    const reports: ReplayReport[] = [];
    for await (const history of histories) reports.push(await this.replay(history, options));
    return reports;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#executor.close();
  }
}

/** A report for people, in a few lines. */
export function describeReplay(report: ReplayReport): string {
  const { workflowId, workflowType, events, outcome, expected, actual, location, message } = report;
  const head = `${workflowId} (${workflowType || 'unknown type'}, ${events} events)`;
  if (outcome === 'replayed') return `ok      ${head}`;
  if (outcome === 'failed') return [`FAILED  ${head}`, `  ${message ?? ''}`, ...(location === undefined ? [] : [`  at ${location}`])].join('\n');
  return [
    `DIFFERS ${head}`,
    `  history has  ${expected === undefined ? 'no further command here' : `event ${expected.eventId}, ${expected.description}`}`,
    `  the code did ${actual === undefined ? 'nothing of the kind' : actual.description}`,
    ...(location === undefined ? [] : [`  at           ${location}`]),
    '  Put changes of running workflows behind patched(), and keep clocks, chance and I/O out of workflow code.',
  ].join('\n');
}

/** Events up to this one; without the last completed workflow task if not all of its commands are among them. */
function upTo(events: HistoryEvent[], eventId: number): HistoryEvent[] {
  const after = events.findIndex((event) => event.eventId > eventId);
  const next = events[after];
  if (next === undefined) return events;
  const kept = events.slice(0, after);
  if (!isCommandEvent(next)) return kept;
  return kept.slice(0, kept.findLastIndex((event) => event.eventType === EventType.WORKFLOW_TASK_COMPLETED));
}

/** The first position in a stack trace, which shows the user's files only. */
function locationIn(stack: string): string | undefined {
  return /\(?([^\s()]+:\d+:\d+)\)?\s*$/m.exec(stack)?.[1];
}
