/**
 * The deterministic realm: one node:vm context in which all runs of an executor live.
 *
 * The context has its own intrinsics, its own global object (frozen) and its own microtask queue, which runs only when the sandbox says
 * so. Each run has its own copy of the user's modules: a function call, not a new context.
 *
 * The rule that everything rests on: {@link Realm.step} makes one run current, lets it act, and drains *all* microtasks before it
 * returns. No promise of the realm can be settled from elsewhere (none is handed out, nothing asynchronous of the host is handed in), so
 * no code of a run can ever execute while another run is current; each sees its own clock and its own random numbers.
 *
 * Code that never yields (a loop without an await) would stop the whole worker. So a step can have a time limit: it is
 * interrupted, and its task fails with an error that names the workflow. A limit costs a thread for the time of the step: 50 to 90 µs of
 * CPU, and on a busy machine a millisecond or two until that thread has had its turn. So steps of a replay have none, because they have
 * been seen to end; those of a task that is tried again always have one; all others have one as long as limited steps take no more than
 * two percent of the time. A loop that slips through under load blocks one worker once: the server hands the task out again, and then it
 * has a limit.
 *
 * This protects against accidents, not against attackers: node:vm is no security boundary. Workflow code gets no function of the host by
 * name, but code that wants out will find a way.
 */
import { AsyncLocalStorage, executionAsyncId } from 'node:async_hooks';
import vm from 'node:vm';
import { mayWrite, type Logger } from '../common/logger.js';
import type { RecordMetric } from '../common/metrics.js';
import type { QueryAnswer, QueryCall, RealmCommand, RealmRun, RunStart } from '../workflow/activation.js';
import type { SinkCall } from '../workflow/sinks.js';
import type { RealmHost } from '../workflow/realm-host.js';
import type { BundleFactory, RealmRuntime } from '../workflow/runtime.js';
import { STEP_FUNCTION } from '../workflow/step-function.js';
import { BUNDLE_FILE, PACKAGES_FILE, RUNTIME_FILE } from '../workflow/stack-format.js';
import { mendAsyncStack } from './async-stack.js';
import { RUNTIME_VERSION, WorkflowBundleError, type WorkflowBundle } from './bundle.js';
import { SourcePositions } from './source-positions.js';

/** Makes the calls of sinks that workflow code has noted. Must not throw. */
export interface SinkHost {
  call(calls: readonly SinkCall[]): void;
  /** Resolves when the calls of a run that have been made are done; undefined if they are. */
  done(runId: string): Promise<void> | undefined;
}

/** Whether a step has a time limit; see the comment at the top. */
export type StepLimit = 'none' | 'affordable' | 'always';

/** The share of the time that limited steps may take, what they may have saved up, and what one can cost at most. */
const LIMITED_SHARE = 0.02;
const MAX_CREDIT_MS = 200;
const MAX_COST_MS = 50;
/** Of all realms of this thread together: a process of tests has hundreds. */
const limitedSteps = { creditMs: MAX_CREDIT_MS, creditedAtMs: 0 };

export interface RealmOptions {
  readonly sinks?: SinkHost | undefined;
  /** How long a step may take. Default: no limit. */
  readonly deadlockAfterMs?: number | undefined;
  /** Takes the values of workflow code's metrics. Default: nobody does. */
  readonly recordMetric?: RecordMetric | undefined;
}

export class Realm {
  readonly #logger: Logger;
  readonly #sinks: SinkHost | undefined;
  readonly #context: vm.Context;
  readonly #drain = new vm.Script('undefined');
  readonly #step = new vm.Script(`${STEP_FUNCTION}()`, { filename: RUNTIME_FILE });
  readonly #limitMs: number;
  readonly #runtime: RealmRuntime;
  readonly #factory: BundleFactory;

  /** @throws WorkflowBundleError if the bundle was made for another version of this package. */
  constructor(bundle: WorkflowBundle, logger: Logger, { sinks, deadlockAfterMs = 0, recordMetric }: RealmOptions = {}) {
    this.#logger = logger;
    this.#sinks = sinks;
    this.#limitMs = deadlockAfterMs;
    if (bundle.runtimeVersion !== RUNTIME_VERSION) {
      throw new WorkflowBundleError('The workflow bundle was made by another version of perdure. Make it again with the version that runs the worker.');
    }
    this.#context = vm.createContext(vm.constants.DONT_CONTEXTIFY, {
      name: 'perdure workflows',
      microtaskMode: 'afterEvaluate',
      codeGeneration: { strings: false, wasm: false },
    });
    const positions = new SourcePositions(bundle.sourceMap);
    const runtime = this.#evaluate<{ createRuntime(host: RealmHost): RealmRuntime }>(bundle.runtime, RUNTIME_FILE);
    this.#runtime = runtime.createRuntime(hostFor(positions, logger, recordMetric));
    if (bundle.packages !== undefined) this.#runtime.share(this.#evaluate<BundleFactory>(bundle.packages, PACKAGES_FILE));
    this.#factory = this.#evaluate<BundleFactory>(bundle.code, BUNDLE_FILE);
  }

  createRun(start: RunStart): RealmRun {
    let run: RealmRun | undefined;
    try {
      run = this.#runtime.createRun(start, this.#factory);
      this.#drain.runInContext(this.#context);
      return run;
    } finally {
      this.#leave(run);
    }
  }

  /** Lets a run act until it has nothing left to do: its microtasks are drained, and no condition holds. */
  step(run: RealmRun, act: (run: RealmRun) => void, limit: StepLimit = 'none'): void {
    this.#runtime.enter(run);
    try {
      const limited = this.#limitMs > 0 && (limit === 'always' || (limit === 'affordable' && this.#affordable()));
      this.#turn(run, limited, () => act(run));
      while (run.unblockConditions()) this.#turn(run, limited, () => undefined);
    } finally {
      this.#leave(run);
    }
  }

  /** Lets a run answer without going on: no condition is looked at. */
  ask(run: RealmRun, call: QueryCall): QueryAnswer {
    this.#runtime.enter(run);
    try {
      run.beginQuery(call);
      this.#drain.runInContext(this.#context);
      return run.endQuery();
    } finally {
      this.#leave(run);
    }
  }

  /** The commands that a run has made since the last call. Interceptors may have their say, so the run is current meanwhile. */
  takeCommands(run: RealmRun): readonly RealmCommand[] {
    this.#runtime.enter(run);
    try {
      return run.takeCommands();
    } finally {
      this.#leave(run);
    }
  }

  /** The run leaves memory. */
  dispose(run: RealmRun): void {
    this.#runtime.enter(run);
    try {
      run.dispose();
      this.#drain.runInContext(this.#context);
    } finally {
      this.#leave(run);
    }
  }

  #turn(run: RealmRun, limited: boolean, act: () => void): void {
    if (limited) return this.#limited(run, act);
    act();
    this.#drain.runInContext(this.#context);
  }

  #affordable(): boolean {
    const now = performance.now();
    limitedSteps.creditMs = Math.min(limitedSteps.creditMs + (now - limitedSteps.creditedAtMs) * LIMITED_SHARE, MAX_CREDIT_MS);
    limitedSteps.creditedAtMs = now;
    return limitedSteps.creditMs > 0;
  }

  /** Acts and drains, all within the time limit. */
  #limited(run: RealmRun, act: () => void): void {
    const asyncId = executionAsyncId();
    let startedMs = performance.now();
    try {
      // A limit holds for the run of a script, so a script must be what calls.
      this.#runtime.setStep(act);
      this.#step.runInContext(this.#context, { timeout: this.#limitMs });
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      this.#discardMicrotasks();
      // The time of an endless loop says nothing of what limits cost.
      startedMs = performance.now();
      const message =
        `Potential deadlock: the code of the workflow '${run.start.workflowType}' did not yield for ${this.#limitMs / 1000} s. Look for a loop without \`await\`, or move long ` +
        'computations into an activity. While you debug, set the worker option debugMode, which sets no limit.';
      // Written at once: where the runtime cannot be mended it ends the process.
      if (!mendAsyncStack(asyncId)) this.#logger.error(message, { workflowId: run.start.workflowId, runId: run.start.runId });
      const deadlock = new Error(message);
      // Where the code was is not known, and where this is helps nobody.
      deadlock.stack = `${deadlock.name}: ${message}`;
      run.failTask(deadlock);
    } finally {
      this.#runtime.setStep(undefined);
      // A long step is not long because of its limit.
      limitedSteps.creditMs -= Math.min(performance.now() - startedMs, MAX_COST_MS);
    }
  }

  /** What an interrupted run has left to do would be done in the name of the next. An interruption while draining empties the queue. */
  #discardMicrotasks(): void {
    try {
      this.#drain.runInContext(this.#context, { timeout: this.#limitMs });
    } catch {
      // Interrupted again.
    }
  }

  /** Nobody is current any more; what sinks are to be told can be told now. */
  #leave(run: RealmRun | undefined): void {
    this.#runtime.leave();
    const calls = run?.takeSinkCalls() ?? [];
    if (calls.length > 0) this.#sinks?.call(calls);
  }

  /** True for promises that were made in this realm. */
  ownsPromise(promise: unknown): boolean {
    return this.#runtime.ownsPromise(promise);
  }

  /** Names of the exported workflow functions. */
  workflowNames(): readonly string[] {
    return [...this.#runtime.workflowNames(this.#factory)];
  }

  #evaluate<T>(code: string, filename: string): T {
    return new vm.Script(code, { filename }).runInContext(this.#context) as T;
  }
}

function hostFor(positions: SourcePositions, logger: Logger, recordMetric: RecordMetric | undefined): RealmHost {
  return {
    createAsyncStorage: () => new AsyncLocalStorage(),
    utf8Length: (text) => Buffer.byteLength(text, 'utf8'),
    utf8Write: (text, into) => void bufferOver(into).write(text, 'utf8'),
    utf8Read: (bytes) => bufferOver(bytes).toString('utf8'),
    mapPosition: (line, column) => positions.at(line, column),
    log: (level, message, attributes) => logger.log(level, message, { ...attributes }),
    logsDebug: mayWrite(logger, 'DEBUG'),
    recordMetric: recordMetric && ((metric, value, tags) => recordMetric({ ...metric }, value, { ...tags })),
    parseUrl: (url, base) => (URL.canParse(url, base) ? new URL(url, base).href : undefined),
    urlPart: (url, part) => String(new URL(url)[part as 'href']),
    withUrlPart: (url, part, value) => {
      const parsed = new URL(url);
      parsed[part as 'href'] = value;
      return parsed.href;
    },
  };
}

function bufferOver(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
