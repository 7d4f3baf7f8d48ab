/**
 * Families of workflows under random load, on a store that dies at random commits: what `families.property.test.ts` plays and then judges.
 *
 * Every request has ids of its own and is repeated, in later lives of the server too, until it is answered. The worker decides from histories
 * alone (`families.ts` says why). One seed, one story: time and chance come from the ports.
 */
import { childEnd } from '../../machines/workflow/messages/children.js';
import { seededRandom, silentLogger, VirtualClock, type Random } from '../../ports/index.js';
import { Code, CommandType, EventType, RpcError, WorkflowService, type Command, type HistoryEvent, type Init, type ResetWorkflowExecutionRequest } from '../../protocol/index.js';
import { SimulatedDisk } from '../../store/simulated/simulated-disk.js';
import { SimulatedStore, type StoreFault, type StoreOperation } from '../../store/simulated/simulated-store.js';
import { openEngine, type Engine } from '../engine.js';
import { completeWorkflow, eventsOf, NAMESPACE, QUEUE, startRequest, startTimer } from './stage.js';

const PARENTS = ['parent-0', 'parent-1'];
const CHILDREN = 3;
export const TARGET = 'target';

/** Something that was asked for. It is asked again until `isDone`. */
export interface Request {
  readonly name: string;
  readonly perform: (engine: Engine) => Promise<unknown>;
  isDone: boolean;
  /** The engine that has not answered yet. */
  asked: Engine | undefined;
}

export class RandomFamilies {
  readonly clock = new VirtualClock();
  readonly disk = new SimulatedDisk();
  readonly random: Random;
  readonly requests: Request[] = [];
  /** Ids of signals to the target. */
  readonly signals: string[] = [];
  readonly parents = new Set<string>();
  readonly victims: string[] = [];
  readonly deleted = new Set<string>();
  readonly problems: string[] = [];
  crashes = 0;
  #engine: Engine | undefined;
  #lives = 0;
  #faultRate: number;
  #names = 0;

  constructor(readonly seed: number) {
    this.random = seededRandom(seed, this.clock);
    this.#faultRate = this.below(3) === 0 ? 0 : this.random.next() * 0.15;
  }

  get engine(): Engine {
    if (this.#engine === undefined) throw new Error('the server is down');
    return this.#engine;
  }

  below(limit: number): number {
    return Math.floor(this.random.next() * limit);
  }

  /** Random load, deaths included; then a last life without any, in which everything comes to its end. */
  async play(): Promise<void> {
    this.#want(TARGET, (engine) => this.#start(engine, TARGET));
    await this.#live();
    const steps = 30 + this.below(50);
    for (let step = 0; step < steps; step++) await this.#step();
    this.#faultRate = 0;
    await this.#die();
    const isQuiet = (): boolean => this.requests.every(({ isDone }) => isDone);
    for (let round = 0; round < 30 || (!isQuiet() && round < 100); round++) {
      this.#askAgain(1);
      await this.clock.advance(3_000);
    }
    if (!isQuiet()) this.problems.push(`never answered: ${this.requests.filter(({ isDone }) => !isDone).map(({ name }) => name).join(', ')}`);
  }

  async events(workflowId: string, runId = ''): Promise<HistoryEvent[]> {
    return eventsOf(await this.engine.transport.call(WorkflowService.GetWorkflowExecutionHistory, { namespace: NAMESPACE, execution: { workflowId, runId } }));
  }

  async #step(): Promise<void> {
    const choice = this.below(100);
    if (choice < 12) this.#wantParent();
    else if (choice < 35) this.#wantSignal();
    else if (choice < 45) this.#wantReset();
    else if (choice < 60) this.#wantVictim();
    else if (choice < 70) this.#askAgain(0.5);
    else if (choice < 94) await this.clock.advance(choice < 90 ? this.below(40) : this.below(20_000));
    else await this.#die();
    if (this.#hasDied) await this.#live();
  }

  // ── requests ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #want(name: string, perform: (engine: Engine) => Promise<unknown>): void {
    const request: Request = { name, perform, isDone: false, asked: undefined };
    this.requests.push(request);
    this.#ask(request);
  }

  #askAgain(probability: number): void {
    for (const request of this.requests) if (this.random.next() < probability) this.#ask(request);
  }

  /** One call at a time: a start that comes late, after the deletion of what an earlier one began, would begin it anew. */
  #ask(request: Request): void {
    const engine = this.#engine;
    if (engine === undefined || request.isDone || request.asked === engine) return;
    request.asked = engine;
    request.perform(engine).then(
      () => (request.isDone = true),
      (error: unknown) => {
        request.asked = undefined;
        this.#complain(request.name, error);
      },
    );
  }

  /** What a store that fails may do to a request; everything else is a finding. */
  #complain(name: string, error: unknown): void {
    if (error instanceof RpcError && (error.code === Code.UNAVAILABLE || error.code === Code.RESOURCE_EXHAUSTED)) return;
    this.problems.push(`${name}: ${String(error)}`);
  }

  #start(engine: Engine, workflowId: string): Promise<unknown> {
    return engine.transport.call(WorkflowService.StartWorkflowExecution, startRequest(workflowId));
  }

  #wantParent(): void {
    const workflowId = PARENTS[this.below(PARENTS.length)] as string;
    if (this.parents.has(workflowId)) return;
    this.parents.add(workflowId);
    this.#want(workflowId, (engine) => this.#start(engine, workflowId));
  }

  #wantSignal(): void {
    const requestId = `signal-${++this.#names}`;
    this.signals.push(requestId);
    const request = { namespace: NAMESPACE, workflowExecution: { workflowId: TARGET }, signalName: 'say', requestId };
    this.#want(requestId, (engine) => engine.transport.call(WorkflowService.SignalWorkflowExecution, request).catch(notYetStarted));
  }

  #wantReset(): void {
    const workflowId = [...this.parents, TARGET][this.below(this.parents.size + 1)] as string;
    // One after the other: the reset of a run that another reset ended takes nothing over of what came later.
    if (this.requests.some(({ name, isDone }) => name.startsWith(`reset ${workflowId} `) && !isDone)) return;
    const requestId = `reset ${workflowId} ${++this.#names}`;
    const which = this.below(3);
    let reset: Init<ResetWorkflowExecutionRequest> | undefined;
    this.#want(requestId, async (engine) => {
      // Chosen once: it is the same request however often it is sent.
      reset ??= await this.#resetOf(engine, workflowId, requestId, which);
      if (reset !== undefined) await engine.transport.call(WorkflowService.ResetWorkflowExecution, reset);
    });
  }

  /** `undefined`: there is nothing to reset to yet, and the wish is off. */
  async #resetOf({ transport }: Engine, workflowId: string, requestId: string, which: number): Promise<Init<ResetWorkflowExecutionRequest> | undefined> {
    const { workflowExecutionInfo } = await transport.call(WorkflowService.DescribeWorkflowExecution, { namespace: NAMESPACE, execution: { workflowId } }).catch(notYetStarted);
    const execution = { workflowId, runId: workflowExecutionInfo?.execution?.runId ?? '' };
    const history = eventsOf(await transport.call(WorkflowService.GetWorkflowExecutionHistory, { namespace: NAMESPACE, execution }));
    const ends = history.filter(({ eventType }) => eventType === EventType.WORKFLOW_TASK_COMPLETED);
    const end = ends[which % Math.max(1, ends.length)];
    return end && { namespace: NAMESPACE, workflowExecution: execution, workflowTaskFinishEventId: end.eventId, requestId, reason: 'chance' };
  }

  /** A workflow that is deleted, at once or later. */
  #wantVictim(): void {
    const doomed = this.victims[this.below(this.victims.length)];
    if (doomed === undefined || this.below(2) === 0) {
      const workflowId = `victim-${++this.#names}`;
      this.victims.push(workflowId);
      this.#want(workflowId, (engine) => this.#start(engine, workflowId));
      return;
    }
    if (this.requests.some(({ name, isDone }) => name === doomed && !isDone) || this.deleted.has(doomed)) return;
    this.deleted.add(doomed);
    const request = { namespace: NAMESPACE, workflowExecution: { workflowId: doomed } };
    this.#want(`delete ${doomed}`, (engine) => engine.transport.call(WorkflowService.DeleteWorkflowExecution, request).catch(notFound));
  }

  // ── lives ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #store: SimulatedStore | undefined;
  #hasDied = false;

  async #die(): Promise<void> {
    this.#store?.crash();
    this.#hasDied = true;
    await this.#live();
  }

  /** Opens the engine on what is on the disk, however often it takes. */
  async #live(): Promise<void> {
    for (;;) {
      this.#engine = undefined;
      this.#hasDied = false;
      this.#lives += 1;
      const store = new SimulatedStore({ clock: this.clock, disk: this.disk, faults: (operation) => this.#fault(operation) });
      this.#store = store;
      const random = seededRandom(this.seed * 1000 + this.#lives, this.clock);
      const limits = { groupRecords: 1 + this.below(5), cachedMachines: 1 + this.below(20) };
      const engine = await this.#opened(openEngine({ store, clock: this.clock, random, logger: silentLogger, verify: true, limits }));
      if (engine === undefined || this.#hasDied) {
        store.crash();
        continue;
      }
      this.#engine = engine;
      for (let worker = 0; worker < 2; worker++) void this.#work(engine);
      return;
    }
  }

  /** `undefined`: it cannot be opened, or dies on the way, which nobody hears of. */
  async #opened(opening: Promise<Engine>): Promise<Engine | undefined> {
    const ends: (Engine | undefined)[] = [];
    opening.then(
      (engine) => ends.push(engine),
      () => ends.push(undefined),
    );
    await this.clock.settle();
    for (let second = 0; second < 5 && ends.length === 0; second++) await this.clock.advance(1_000);
    return ends[0];
  }

  #fault(operation: StoreOperation): StoreFault | undefined {
    if (this.#faultRate === 0) return undefined;
    const chance = this.random.next();
    if (chance < this.#faultRate / 4) return { kind: 'unavailable', reason: 'io' };
    if (chance < this.#faultRate / 2) return { kind: 'slow', delayMs: this.below(50) };
    const isWrite = operation === 'commit' || operation === 'delete';
    if (!isWrite || chance >= this.#faultRate * 0.6) return undefined;
    this.#hasDied = true;
    this.crashes += 1;
    return { kind: 'crash', moment: this.below(2) === 0 ? 'beforeWrite' : 'afterWrite' };
  }

  /** A worker, as long as this engine lives. */
  async #work(engine: Engine): Promise<void> {
    const { transport } = engine;
    while (this.#engine === engine) {
      try {
        const task = await transport.call(WorkflowService.PollWorkflowTaskQueue, { namespace: NAMESPACE, taskQueue: { name: QUEUE }, identity: 'worker' });
        if (task.taskToken.byteLength === 0) continue;
        const commands = decide(task.workflowExecution?.workflowId ?? '', eventsOf(task));
        await transport.call(WorkflowService.RespondWorkflowTaskCompleted, { taskToken: task.taskToken, commands, identity: 'worker' });
      } catch {
        // What the server could not take comes again as another task.
        await new Promise((resolve) => this.clock.setDelay(100, () => resolve(undefined)));
      }
    }
  }
}

/** The start has not arrived yet: the request is repeated. */
function notYetStarted(error: unknown): never {
  throw error instanceof RpcError && error.code === Code.NOT_FOUND ? new RpcError(Code.UNAVAILABLE, 'not started yet') : error;
}

/** An earlier try did it, and was not answered. */
function notFound(error: unknown): void {
  if (!(error instanceof RpcError && error.code === Code.NOT_FOUND)) throw error;
}

/** What a worker that runs this code answers to a task with this history. */
function decide(workflowId: string, events: readonly HistoryEvent[]): Init<Command>[] {
  const count = (...types: readonly EventType[]): number => events.filter(({ eventType }) => types.includes(eventType)).length;
  if (workflowId === TARGET || workflowId.startsWith('victim') || workflowId.endsWith('child-2')) return [];
  if (workflowId.endsWith('child-1') && events[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId === '') {
    return [{ commandType: CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION, continueAsNewWorkflowExecutionCommandAttributes: {} }];
  }
  if (!workflowId.startsWith('parent') || workflowId.includes('child')) return [completeWorkflow(workflowId)];
  if (count(EventType.START_CHILD_WORKFLOW_EXECUTION_INITIATED) === 0) return parentCommands(workflowId);
  const settled = settledChildren(events);
  const signalled = count(EventType.EXTERNAL_WORKFLOW_EXECUTION_SIGNALED, EventType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED) === 1;
  // The last child waits for the end of its parent, unless it is that of an earlier run.
  const children = events.filter(({ eventType }) => eventType === EventType.START_CHILD_WORKFLOW_EXECUTION_INITIATED).slice(0, CHILDREN - 1);
  return children.every(({ eventId }) => settled.has(eventId)) && signalled && count(EventType.TIMER_FIRED) === 1 ? [completeWorkflow()] : [];
}

/** The children that have ended or could not be started, by the events that initiated them. */
export function settledChildren(events: readonly HistoryEvent[]): Set<number> {
  return new Set(events.flatMap((event) => childEnd(event)?.initiatedEventId ?? event.startChildWorkflowExecutionFailedEventAttributes?.initiatedEventId ?? []));
}

function parentCommands(parent: string): Init<Command>[] {
  const children = Array.from({ length: CHILDREN }, (_, index) => ({
    commandType: CommandType.START_CHILD_WORKFLOW_EXECUTION,
    startChildWorkflowExecutionCommandAttributes: { workflowId: `${parent}/child-${index}`, workflowType: { name: 'child' } },
  }));
  const signal = {
    commandType: CommandType.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
    signalExternalWorkflowExecutionCommandAttributes: { execution: { workflowId: TARGET }, signalName: 'go' },
  };
  return [...children, signal, startTimer('rest', 500)];
}
