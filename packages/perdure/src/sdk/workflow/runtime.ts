/**
 * The realm's side of the border: what the sandbox loads into a realm, once, before user code.
 *
 * It owns the current run, the global objects and this package's modules as workflow code sees them. User modules are evaluated once for
 * each run, by calling the bundle's factory; this module and the API are evaluated once for the realm, so classes such as
 * ApplicationFailure are the same for everybody in it.
 */
import * as common from '../common/index.js';
import type { RealmRun, RunStart } from './activation.js';
import { Conversions } from './conversions.js';
import { setCurrentRun } from './current-run.js';
import { WorkflowError } from './errors.js';
import { installGlobals } from './globals/install.js';
import * as workflow from './index.js';
import { installHost, type RealmHost } from './realm-host.js';
import { formatStack } from './stack-format.js';
import { STEP_FUNCTION } from './step-function.js';
import { WorkflowRun, type WorkflowFunction } from './workflow-run.js';

/** The compiled bundle: evaluates the user's modules. `require` gives this package's modules; `globals` stands for `globalThis`. */
export type BundleFactory = (
  require: (specifier: string) => unknown,
  module: { exports: BundleExports },
  globals: object,
) => void;

export interface BundleExports {
  readonly workflows?: Readonly<Record<string, unknown>>;
  readonly payloadConverter?: common.PayloadConverter;
  readonly failureConverter?: common.FailureConverter;
  /** Modules that may export `interceptors`, in the order of the worker's option. */
  readonly interceptorModules?: readonly { readonly interceptors?: unknown }[];
}

export interface RealmRuntime {
  /** Evaluates the packages that all runs share; once, before the first run. */
  share(factory: BundleFactory): void;
  /** A run whose modules are evaluated. It is current afterwards: evaluating may have left microtasks, which belong to it. */
  createRun(start: RunStart, factory: BundleFactory): RealmRun;
  /** Makes a run current until {@link leave}. */
  enter(run: RealmRun): void;
  leave(): void;
  /** What the global function {@link STEP_FUNCTION} does. */
  setStep(step: (() => void) | undefined): void;
  /** True for promises of this realm. */
  ownsPromise(promise: unknown): boolean;
  workflowNames(factory: BundleFactory): readonly string[];
}

export function createRuntime(host: RealmHost): RealmRuntime {
  installHost(host);
  const realmPromise = Promise;
  Error.stackTraceLimit = 20;
  Error.prepareStackTrace = (error, frames) => formatStack(error, frames, host);
  installGlobals(host);
  let currentStep: (() => void) | undefined;
  Object.defineProperty(globalThis, STEP_FUNCTION, { value: () => currentStep?.() });
  const modules = new Map<string, unknown>([
    ['perdure/workflow', Object.freeze({ ...workflow })],
    ['perdure/common', Object.freeze({ ...common })],
  ]);
  const sharedGlobal = Object.freeze(globalThis);
  const require = (specifier: string): unknown => {
    const found = modules.get(specifier);
    if (found === undefined) throw new WorkflowError(`Cannot load '${specifier}' in workflow code: it is not part of the bundle.`);
    return found;
  };
  const evaluate = (factory: BundleFactory): BundleExports => {
    const module: { exports: BundleExports } = { exports: {} };
    // What a module writes to globalThis stays with its run.
    factory(require, module, Object.create(sharedGlobal) as object);
    return module.exports;
  };
  return {
    share(factory) {
      for (const [path, exports] of Object.entries(evaluate(factory))) modules.set(path, exports);
    },
    createRun(start, factory) {
      const run = new WorkflowRun(start);
      setCurrentRun(run);
      try {
        const { payloadConverter, failureConverter, workflows = {}, interceptorModules = [] } = evaluate(factory);
        run.conversions = new Conversions(start, payloadConverter, failureConverter);
        for (const { interceptors } of interceptorModules) run.interceptors.add(interceptors);
        run.setWorkflow(find(workflows, start.workflowType));
      } catch (error) {
        run.failTask(error);
      }
      return run;
    },
    enter: (run) => setCurrentRun(run as WorkflowRun),
    leave: () => setCurrentRun(undefined),
    setStep: (step) => void (currentStep = step),
    ownsPromise: (promise) => promise instanceof realmPromise,
    workflowNames(factory) {
      // Modules may ask for the time or for chance while they are evaluated, as popular libraries do; so somebody must be current.
      setCurrentRun(new WorkflowRun(NOBODY));
      try {
        return names(evaluate(factory).workflows ?? {});
      } finally {
        setCurrentRun(undefined);
      }
    },
  };
}

/** A run that is never executed. */
const NOBODY: RunStart = {
  workflowId: '',
  runId: '',
  workflowType: '',
  namespace: '',
  taskQueue: '',
  attempt: 1,
  firstExecutionRunId: '',
  originalExecutionRunId: '',
  continuedFromExecutionRunId: undefined,
  cronSchedule: undefined,
  cronScheduleToScheduleIntervalMs: undefined,
  startTimeMs: 0,
  runStartTimeMs: 0,
  executionExpirationTimeMs: undefined,
  executionTimeoutMs: undefined,
  runTimeoutMs: undefined,
  taskTimeoutMs: 0,
  parent: undefined,
  root: undefined,
  retryPolicy: undefined,
  priority: undefined,
  input: [],
  headers: undefined,
  memo: undefined,
  searchAttributes: undefined,
  lastResult: undefined,
  lastFailure: undefined,
  randomSeed: '',
  hasLocalActivity: () => false,
};

function find(exported: Readonly<Record<string, unknown>>, workflowType: string): WorkflowFunction {
  // Own names only: a type may be called as what every object has.
  const workflow = Object.hasOwn(exported, workflowType) ? exported[workflowType] : exported['default'];
  if (typeof workflow === 'function') return workflow as WorkflowFunction;
  const available = names(exported);
  throw new WorkflowError(
    `The workflow bundle exports no function '${workflowType}'. Exported: ${available.length === 0 ? 'none' : available.join(', ')}. ` +
      'Export it from the file that workflowsPath names, and deploy the worker again.',
  );
}

function names(exported: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(exported).filter((name) => typeof exported[name] === 'function');
}
