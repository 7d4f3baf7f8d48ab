/**
 * An executor whose workflow code can be exchanged while runs are open: what `Worker.create({ watch: true })` uses.
 *
 * When a source file is saved, the code is bundled anew and every run that this worker knows is replayed on it, from its first event. Runs
 * that replay go on with the new code, as do runs that begin. A run that does not replay goes on with the code that it had: the log says which
 * one it is, at which event it diverges and in which line. The next change is tried on it again.
 *
 * For development only: nothing of this outlives the process, so a worker that starts anew runs every run on the code that it finds.
 */
import { CommandType, History, type HistoryEvent, type PollWorkflowTaskQueueResponse } from '../../protocol/index.js';
import type { Logger } from '../common/logger.js';
import {
  createWorkflowExecutor,
  type FetchHistory,
  type OnRest,
  type TaskOutcome,
  type WorkflowExecutor,
  type WorkflowExecutorOptions,
} from '../replay/executor.js';
import type { FailedTask } from '../replay/outcome.js';
import type { WorkflowBundle } from '../sandbox/bundle.js';
import { WatchedSources } from './watched-sources.js';

/** Of more runs, those that had a task last are checked. */
const MOST_KNOWN_RUNS = 1_000;

/** One state of the code, with the runs that it has in memory. */
interface Generation {
  readonly executor: WorkflowExecutor;
  /** Tasks in progress. */
  tasks: number;
}

interface KnownRun {
  readonly workflowId: string;
  readonly workflowType: string;
  readonly fetchHistory: FetchHistory;
  generation: Generation;
}

/** `createWorkflowExecutor` for code that may change. `rebundle` makes the bundle of the code as it is now. */
export function createReloadingExecutor(options: WorkflowExecutorOptions, rebundle: () => Promise<WorkflowBundle>): WorkflowExecutor {
  return new ReloadingExecutor(options, rebundle);
}

class ReloadingExecutor implements WorkflowExecutor {
  readonly #options: WorkflowExecutorOptions;
  readonly #logger: Logger;
  readonly #rebundle: () => Promise<WorkflowBundle>;
  readonly #sources: WatchedSources;
  /** In the order of use: a Map keeps insertion order. */
  readonly #runs = new Map<string, KnownRun>();
  readonly #generations = new Set<Generation>();
  #bundle: WorkflowBundle;
  #current: Generation;
  #reloading: Promise<void> | undefined;
  /** Something changed while the last change was looked at. */
  #again = false;
  #closed = false;

  constructor(options: WorkflowExecutorOptions, rebundle: () => Promise<WorkflowBundle>) {
    this.#options = options;
    this.#logger = options.logger;
    this.#rebundle = rebundle;
    this.#bundle = options.bundle;
    this.#current = this.#generationOf(options.bundle);
    this.#sources = new WatchedSources(() => this.#changed());
    this.#sources.watch(options.bundle);
  }

  get cachedRuns(): number {
    return [...this.#generations].reduce((sum, { executor }) => sum + executor.cachedRuns, 0);
  }

  get workflowTypes(): readonly string[] {
    return this.#current.executor.workflowTypes;
  }

  evict(runId: string): void {
    this.#of(runId).executor.evict(runId);
  }

  forgetLastTask(runId: string, lastStartedEventId: number): void {
    this.#of(runId).executor.forgetLastTask(runId, lastStartedEventId);
  }

  replay(workflowId: string, events: readonly HistoryEvent[]): Promise<FailedTask | undefined> {
    return this.#current.executor.replay(workflowId, events);
  }

  async handle(task: PollWorkflowTaskQueueResponse, fetchHistory: FetchHistory, onRest?: OnRest): Promise<TaskOutcome> {
    const { runId = '', workflowId = '' } = task.workflowExecution ?? {};
    const generation = this.#of(runId);
    this.#remember(runId, { workflowId, workflowType: task.workflowType?.name ?? '', fetchHistory, generation });
    generation.tasks += 1;
    try {
      const outcome = await generation.executor.handle(task, fetchHistory, onRest);
      if (closesRun(outcome)) this.#runs.delete(runId);
      return outcome;
    } finally {
      generation.tasks -= 1;
      // The run has moved on meanwhile: what was kept of it here would only grow old.
      if (this.#of(runId) !== generation) generation.executor.evict(runId);
      await this.#retire();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#sources.close();
    await this.#reloading;
    await Promise.all([...this.#generations].map(({ executor }) => executor.close()));
  }

  #of(runId: string): Generation {
    return this.#runs.get(runId)?.generation ?? this.#current;
  }

  #remember(runId: string, run: KnownRun): void {
    this.#runs.delete(runId);
    this.#runs.set(runId, run);
    for (const oldest of this.#runs.keys()) {
      if (this.#runs.size <= MOST_KNOWN_RUNS) return;
      this.#runs.delete(oldest);
    }
  }

  #generationOf(bundle: WorkflowBundle): Generation {
    const { realm: _, ...options } = this.#options;
    const generation = { executor: createWorkflowExecutor({ ...options, bundle }), tasks: 0 };
    this.#generations.add(generation);
    return generation;
  }

  #changed(): void {
    if (this.#closed) return;
    this.#again = true;
    this.#reloading ??= this.#reloadAll().finally(() => (this.#reloading = undefined));
  }

  async #reloadAll(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false;
      try {
        await this.#reload();
      } catch (error) {
        this.#logger.error(`The workflow code was not reloaded; the worker goes on with the code from before. ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }

  /** @throws whatever is wrong with the new code */
  async #reload(): Promise<void> {
    const bundle = await this.#rebundle();
    this.#sources.watch(bundle);
    if (bundle.code === this.#bundle.code) return;
    const next = this.#generationOf(bundle);
    const checked = new Set<string>();
    let moved = 0;
    // Runs begin while others are replayed: until none is left, without a pause before the exchange.
    for (let more = true; more; ) {
      more = false;
      for (const [runId, run] of [...this.#runs]) {
        if (checked.has(runId)) continue;
        more = true;
        checked.add(runId);
        if (await this.#moves(next, runId, run)) moved += 1;
      }
    }
    this.#current = next;
    this.#bundle = bundle;
    this.#logger.info(`Workflow code reloaded; ${moved} of ${checked.size} runs go on with it.`);
    await this.#retire();
  }

  /** Replays a run on other code, and hands it over if that goes well. */
  async #moves(next: Generation, runId: string, run: KnownRun): Promise<boolean> {
    const failed = await this.#check(next, run);
    if (failed === 'gone') this.#runs.delete(runId);
    else if (failed !== undefined) this.#logger.warn(divergence(runId, run, failed), { workflowId: run.workflowId, runId });
    // It may have closed, or have had another task, while its history was replayed.
    const now = this.#runs.get(runId);
    if (failed !== undefined || now === undefined) return false;
    now.generation.executor.evict(runId);
    now.generation = next;
    return true;
  }

  async #check({ executor }: Generation, { workflowId, fetchHistory }: KnownRun): Promise<FailedTask | 'gone' | undefined> {
    let events: HistoryEvent[];
    try {
      events = await wholeHistory(fetchHistory);
    } catch {
      return 'gone';
    }
    return executor.replay(workflowId, events);
  }

  /** Closes code that no run needs any more. */
  async #retire(): Promise<void> {
    const needed = new Set([this.#current, ...[...this.#runs.values()].map(({ generation }) => generation)]);
    for (const generation of this.#generations) {
      if (needed.has(generation) || generation.tasks > 0) continue;
      this.#generations.delete(generation);
      await generation.executor.close();
    }
  }
}

async function wholeHistory(fetchHistory: FetchHistory): Promise<HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  let token: Uint8Array = new Uint8Array(0);
  do {
    const page = await fetchHistory(token);
    events.push(...History.decode(page.history).events);
    token = page.nextPageToken;
  } while (token.byteLength > 0);
  return events;
}

const CLOSING: ReadonlySet<CommandType> = new Set([
  CommandType.COMPLETE_WORKFLOW_EXECUTION,
  CommandType.FAIL_WORKFLOW_EXECUTION,
  CommandType.CANCEL_WORKFLOW_EXECUTION,
  CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
]);

function closesRun(outcome: TaskOutcome): boolean {
  return outcome.kind === 'completed' && outcome.commands.some(({ commandType }) => commandType !== undefined && CLOSING.has(commandType));
}

function divergence(runId: string, { workflowId, workflowType }: KnownRun, { failure, nondeterminism }: FailedTask): string {
  const stack = nondeterminism?.actual?.stack || failure.stackTrace;
  return (
    `Workflow '${workflowId}' (type '${workflowType}', run ${runId}) does not replay on the changed code, and goes on with the code that it had. ` +
    `${failure.message ?? ''}${stack ? `\n${stack}` : ''}`
  );
}
