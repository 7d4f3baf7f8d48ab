/**
 * One run of a workflow, inside the realm: its clock, its chance, its promises that wait for results, the commands it has made.
 *
 * Nothing here knows history. The replay core outside tells it what happened (jobs) and takes what it wants (commands). It must be
 * deterministic in one sense: the same activations in the same order give the same commands in the same order.
 *
 * Errors. Whatever escapes from the workflow function or a signal or update handler ends here. A `TemporalFailure` fails the workflow; a
 * cancellation after a cancel request cancels it; anything else is a bug in the code, fails the workflow *task*, and the server tries
 * again, hopefully with mended code. After a task error the run is thrown away and rebuilt from history.
 */
import { LateMap } from '../common/late-map.js';
import type { Failure } from '../../protocol/generated/failure.v1.js';
import { IllegalStateError } from '../common/errors.js';
import { ensureTemporalFailure, TemporalFailure } from '../common/failure.js';
import { composeInterceptors } from '../common/interceptors.js';
import { workflowOptionsOf, workflowStaticOptionsOf, type VersioningBehavior, type WorkflowDefinitionOptions } from '../common/workflow-definition.js';
import { arrayFromPayloads, type Payload, type PayloadConverter } from '../common/payload-converter.js';
import { fromPayloadWithTypeInfo, toPayloadWithTypeInfo, type PayloadTypeInfo, type TypeInfo } from '../common/type-info.js';
import type { Activation, CallSite, Job, QueryAnswer, QueryCall, RealmCommand, RealmRun, Resolution, RunStart, TaskError } from './activation.js';
import { CancellationScope } from './cancellation-scope.js';
import type { ChildCompletion } from './child-workflow.js';
import { ContinueAsNew } from './continue-as-new.js';
import { Conversions, type Conversion } from './conversions.js';
import { isCancellation, isNamed, messageOf } from './errors.js';
import { HandlerTable } from './handler-table.js';
import { headersFromFields, RunInterceptors } from './interceptors.js';
import { LocalActivityBackoff } from './local-activities.js';
import { remedyForMessage } from './globals/remedies.js';
import { RunInfo } from './info.js';
import { logClosed, logStarted, warnOfUnfinished } from './lifecycle.js';
import type { NexusCompletion } from './nexus.js';
import { SeededRandom } from './random.js';
import { chosenStream } from './random-streams.js';
import type { SinkCall } from './sinks.js';
import { UpdateHandlers } from './update-handlers.js';

export type WorkflowFunction = (...args: unknown[]) => Promise<unknown>;

/** Who waits for a result. */
export interface Completion {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly site?: CallSite;
  /** Whose the result is. Absent: the run's own. */
  readonly of?: Conversion;
  readonly outputType?: TypeInfo | undefined;
}

interface Condition {
  readonly predicate: () => boolean;
  readonly resolve: () => void;
  readonly site: CallSite;
}

/** A query between its begin and its end. */
interface PendingQuery {
  answer: QueryAnswer | undefined;
  readonly wasReplaying: boolean;
}

export class WorkflowRun implements RealmRun {
  readonly start: RunStart;
  /** Set once the user's modules, which may bring their own converters, are evaluated. */
  conversions: Conversions;
  readonly rootScope = CancellationScope.root();
  readonly info: RunInfo;
  readonly interceptors = new RunInterceptors();
  /** Calls of sinks that wait for the end of the activation. */
  sinkCalls: SinkCall[] = [];
  readonly handlers = new HandlerTable(this);
  readonly updates = new UpdateHandlers(this);
  /** Names of the next command of each kind. */
  readonly nextSeq = { timer: 1, activity: 1, child: 1, nexusOperation: 1, signal: 1, cancel: 1 };
  readonly timers = new LateMap<number, Completion>();
  readonly activities = new LateMap<number, Completion>();
  readonly children = new LateMap<number, ChildCompletion>();
  readonly nexusOperations = new LateMap<number, NexusCompletion>();
  readonly externalSignals = new LateMap<number, Completion>();
  readonly externalCancels = new LateMap<number, Completion>();
  /** What `clearTimeout` cancels, by the number that `setTimeout` gave. */
  readonly timeouts = new LateMap<number, CancellationScope>();
  readonly conditions = new Set<Condition>();
  readonly knownPatches = new Set<string>();
  readonly sentPatches = new Set<string>();
  readonly refusedPatches = new LateMap<string, true>();
  /** What `getVersion` said, by change id. */
  readonly versions = new LateMap<string, number>();
  #random: SeededRandom;
  timeMs = 0;
  isReplaying = false;
  /** What the workflow says of itself at present; see `setCurrentDetails`. */
  currentDetails = '';
  cancelRequested = false;
  completed = false;
  taskError: TaskError | undefined;
  #commands: RealmCommand[] = [];
  /** Who is running that must only look: a query handler, a validator. */
  #onlooker: string | undefined;
  #warnUnfinished = false;
  #workflow: WorkflowFunction | undefined;
  /** Of the workflow's definition. */
  #options: WorkflowDefinitionOptions = {};
  /** How arguments and result travel, by the workflow's definition. */
  typeInfo: PayloadTypeInfo | undefined;
  #query: PendingQuery | undefined;

  constructor(start: RunStart) {
    this.start = start;
    this.conversions = new Conversions(start);
    this.#random = new SeededRandom(start.randomSeed);
    this.timeMs = start.runStartTimeMs;
    this.info = new RunInfo(this);
  }

  /** Called once, after the user's modules were evaluated. */
  setWorkflow(workflow: WorkflowFunction): void {
    this.#workflow = workflow;
    this.#options = workflowOptionsOf(workflow);
    ({ typeInfo: this.typeInfo } = workflowStaticOptionsOf(workflow));
  }

  /** What the calling code draws from: the run's stream, or the one that it chose. */
  get random(): SeededRandom {
    const chosen = chosenStream();
    return chosen === undefined ? this.#random : this.stream(chosen);
  }

  /** An empty name: the run's own. */
  stream(name: string): SeededRandom {
    return name === '' ? this.#random : this.#random.named(name);
  }

  activate(activation: Activation): void {
    this.timeMs = activation.timeMs;
    this.isReplaying = activation.isReplaying;
    this.info.update(activation);
    if (activation.randomSeed !== undefined) this.#random = new SeededRandom(activation.randomSeed);
    for (const patchId of activation.patches) this.knownPatches.add(patchId);
    const { internals } = this.interceptors;
    if (internals.length === 0) return this.#runJobs(activation);
    this.#guarded(() => composeInterceptors(internals, 'activate', (input) => this.#runJobs(input.activation))({ activation, batchIndex: 0 }));
  }

  #runJobs(activation: Activation): void {
    // Results first, then the function: so signals that came with the start are seen by the handlers it sets first thing.
    let starts = false;
    for (const job of activation.jobs) {
      if (this.taskError !== undefined) return;
      if (job.kind === 'start') starts = true;
      else {
        this.#guarded(() => this.#dispatch(job));
        this.unblockConditions();
      }
    }
    if (starts && this.taskError === undefined) {
      this.#guarded(() => this.#startWorkflow());
      this.unblockConditions();
    }
  }

  unblockConditions(): boolean {
    let unblocked = false;
    for (let again = this.conditions.size > 0; again && this.taskError === undefined; ) {
      again = false;
      for (const condition of this.conditions) {
        const holds = this.#guarded(() => condition.predicate());
        if (!holds) continue;
        this.conditions.delete(condition);
        condition.resolve();
        unblocked = again = true;
      }
    }
    return unblocked;
  }

  takeCommands(): readonly RealmCommand[] {
    this.updates.rejectBuffered();
    // A handler that was running when the workflow ended may have ended in the same activation.
    if (this.#warnUnfinished) {
      warnOfUnfinished(this, 'signals', this.handlers.unfinished(), 'what they had left to do is lost');
      warnOfUnfinished(this, 'updates', this.updates.unfinished(), 'whoever waits for them gets an error');
    }
    this.#warnUnfinished = false;
    const commands = this.#commands;
    this.#commands = [];
    const { internals } = this.interceptors;
    if (internals.length === 0) return commands;
    return this.#guarded(() => composeInterceptors(internals, 'concludeActivation', (input) => input)({ commands }).commands) ?? [];
  }

  takeSinkCalls(): readonly SinkCall[] {
    if (this.sinkCalls.length === 0) return this.sinkCalls;
    const calls = this.sinkCalls;
    this.sinkCalls = [];
    return calls;
  }

  dispose(): void {
    const { internals } = this.interceptors;
    if (internals.length > 0) this.#guarded(() => composeInterceptors(internals, 'dispose', () => undefined)({}));
  }

  /** Records what the workflow wants. @throws IllegalStateError in a query handler or validator, which must only look. */
  push(command: RealmCommand): void {
    this.assertMayAct(command.kind);
    this.#commands.push(command);
  }

  /** Called before a promise is made for `action`, so that the refusal is thrown to the caller. @throws IllegalStateError where code must only look. */
  assertMayAct(action: string): void {
    if (this.#onlooker === undefined) return;
    throw new IllegalStateError(`${this.#onlooker} must only read the state of the workflow; it tried to ${action.replaceAll('-', ' ')}.`);
  }

  /** True while a query handler or validator runs. */
  get isOnlooker(): boolean {
    return this.#onlooker !== undefined;
  }

  /** Runs code that must not act; `who` begins the sentence that says so. */
  readOnly<T>(who: string, look: () => T): T {
    const before = this.#onlooker;
    this.#onlooker = who;
    try {
      return look();
    } finally {
      this.#onlooker = before;
    }
  }

  failTask(error: unknown): void {
    if (this.taskError !== undefined) return;
    const message = messageOf(error);
    const remedy = remedyForMessage(message);
    const failure = this.toFailure(error);
    this.taskError = remedy === undefined ? { message, failure } : { message: remedy, failure: { ...failure, message: `${message}. ${remedy}` } };
  }

  beginQuery(call: QueryCall): void {
    // Kept until the answer is taken, because interceptors may await.
    const query: PendingQuery = { answer: undefined, wasReplaying: this.isReplaying };
    this.#query = query;
    this.isReplaying = true;
    this.#onlooker = 'A query handler';
    const fail = (error: unknown): void => void (query.answer = { ok: false, message: messageOf(error), failure: this.toFailure(ensureTemporalFailure(error)) });
    const succeed = (value: unknown): void => void (query.answer = { ok: true, payload: this.toPayload(value, this.handlers.queryOutputType(call.name)) });
    try {
      const answer = this.handlers.answer(call);
      if (answer instanceof Promise) answer.then(succeed).catch(fail);
      else succeed(answer.value);
    } catch (error) {
      fail(error);
    }
  }

  endQuery(): QueryAnswer {
    const { answer, wasReplaying } = this.#query!;
    this.#query = undefined;
    this.isReplaying = wasReplaying;
    this.#onlooker = undefined;
    if (answer !== undefined) return answer;
    const error = new IllegalStateError('The query was not answered at once. An interceptor of queries (handleQuery) may await nothing but `next`.');
    return { ok: false, message: error.message, failure: this.toFailure(ensureTemporalFailure(error)) };
  }

  get versioningBehavior(): VersioningBehavior | undefined {
    return this.#options.versioningBehavior;
  }

  /** True for errors that the code means; others are bugs in it. */
  isFailure(error: unknown): boolean {
    const named = error instanceof TemporalFailure || isNamed(error, this.start.failureErrorTypes);
    return named || (this.#options.failureExceptionTypes?.some((type) => error instanceof type) ?? false);
  }

  /** Ends a workflow function or handler that threw. See the comment at the top. */
  handleFailure(error: unknown): void {
    if (this.completed) return;
    if (error instanceof ContinueAsNew) this.#close(error.command);
    else if (this.cancelRequested && isCancellation(error)) this.#close({ kind: 'cancel' });
    else if (this.isFailure(error)) this.#guarded(() => this.#close({ kind: 'fail', failure: this.toFailure(error) }, error));
    else this.failTask(error);
  }

  get payloadConverter(): PayloadConverter {
    return this.conversions.own.payloads;
  }

  toFailure(error: unknown): Failure {
    const { payloads, failures } = this.conversions.own;
    return failures.errorToFailure(error, payloads);
  }

  toError(failure: Failure, { payloads, failures }: Conversion = this.conversions.own): Error {
    return failures.failureToError(failure, payloads);
  }

  toPayload(value: unknown, type: TypeInfo | undefined): Payload {
    return toPayloadWithTypeInfo(this.payloadConverter, value, undefined, type);
  }

  arguments(payloads: readonly Payload[], types: readonly TypeInfo[] | undefined): unknown[] {
    return arrayFromPayloads(this.payloadConverter, payloads, undefined, types);
  }

  #startWorkflow(): void {
    logStarted(this);
    const workflow = this.#workflow!;
    const input = { args: this.arguments(this.start.input, this.typeInfo?.inputTypes), headers: headersFromFields(this.start.headers) };
    // An async wrapper, so that a function that throws before its first await ends like any other.
    const execute = composeInterceptors(this.interceptors.inbound, 'execute', async ({ args }) => workflow(...args));
    const execution = this.interceptors.inbound.length === 0 ? execute(input) : (async () => execute(input))();
    execution.then((result) => this.#complete(result), (error: unknown) => this.handleFailure(error));
  }

  #complete(result: unknown): void {
    if (this.completed) return;
    this.#guarded(() => this.#close({ kind: 'complete', result: this.toPayload(result, this.typeInfo?.outputType) }));
  }

  #close(command: RealmCommand, error?: unknown): void {
    this.push(command);
    logClosed(this, command, error);
    this.completed = true;
    this.#warnUnfinished = command.kind !== 'fail';
  }

  #dispatch(job: Exclude<Job, { kind: 'start' }>): void {
    switch (job.kind) {
      case 'signal':
        return this.handlers.signal(job);
      case 'update':
        return this.updates.update(job);
      case 'cancel':
        this.cancelRequested = true;
        return this.rootScope.cancelBecause('Workflow cancelled');
      case 'fire-timer':
        // Absent: cancelled by workflow code before the firing was known.
        return this.timers.take(job.seq)?.resolve(undefined);
      case 'resolve-activity':
        return this.settle(this.activities.take(job.seq), job.result);
      case 'resolve-local-activity': {
        const completion = this.activities.take(job.seq);
        if ('backoffMs' in job.result) completion?.reject(new LocalActivityBackoff(job.result));
        else this.settle(completion, job.result);
        return;
      }
      case 'resolve-child-start':
        return this.children.get(job.seq)?.onStart(job.result);
      case 'resolve-child':
        return this.children.take(job.seq)?.onEnd(job.result);
      case 'start-nexus-operation':
        return this.nexusOperations.get(job.seq)?.onStart(job.token);
      case 'resolve-nexus-operation':
        return this.nexusOperations.take(job.seq)?.onEnd(job.result);
      case 'resolve-external-signal':
        return this.#settleExternal(this.externalSignals.take(job.seq), job.failure);
      case 'resolve-external-cancel':
        return this.#settleExternal(this.externalCancels.take(job.seq), job.failure);
      default:
        job satisfies never;
    }
  }

  settle(completion: Completion | undefined, result: Resolution): void {
    if (completion === undefined) return;
    const { of = this.conversions.own, outputType } = completion;
    if (!result.ok) completion.reject(this.toError(result.failure, of));
    else completion.resolve(result.payload && fromPayloadWithTypeInfo(of.payloads, result.payload, undefined, outputType));
  }

  #settleExternal(completion: Completion | undefined, failure: Failure | undefined): void {
    if (failure === undefined) completion?.resolve(undefined);
    else completion?.reject(this.toError(failure, completion.of));
  }

  /** Runs code that must not throw to the outside: what it throws fails the task. */
  #guarded<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      this.failTask(error);
      return undefined;
    }
  }
}

/** Remembers where user code made a command; `below` and what it called are left out. */
export function callSite(below: (...args: never[]) => unknown): CallSite {
  const site: { stack?: string } = {};
  Error.captureStackTrace(site, below);
  return site;
}
