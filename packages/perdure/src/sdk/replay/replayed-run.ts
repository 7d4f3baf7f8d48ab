/**
 * One run: takes history in, keeps its machines, lets the realm act, and has commands ready.
 *
 * Pure but for the realm: no I/O, no clock. Replaying a history from its first event and being given the same history piece by piece end
 * in the same state; the executor relies on it when it drops a run and builds it anew.
 *
 * Order of things in one workflow task, the same that all SDKs keep because histories depend on it: command events of the previous task;
 * patches; signals and updates; everything else in the order of its events; at last the workflow function, if this is its first task.
 * Results that commands have at once (a cancelled activity) make a further activation of the same task, and so does each local activity
 * that ends.
 *
 * Two things are in history only behind the task in which code must hear of them: updates (in the UpdateAccepted event) and results of
 * local activities (in markers). A replay looks ahead for them.
 */
import { LateMap } from '../common/late-map.js';
import { EventType, VersioningBehavior, type Command, type HistoryEvent, type Init, type WorkflowQuery } from '../../protocol/index.js';
import type { Job, QueryAnswer, QueryCall, RealmRun, RunStart, TaskError, WorkerVersion } from '../workflow/activation.js';
import type { Realm, StepLimit } from '../sandbox/realm.js';
import { CommandQueue, isCommandEvent } from './command-queue.js';
import { historyWindows, type HistoryWindow } from './history-windows.js';
import type { LocalActivityHost, LocalActivityRequest, RunningLocalActivity } from './local-activities.js';
import { LocalActivityTable } from './local-activity-table.js';
import type { LocalActivityMachine, LocalActivityMachineHost } from './machines/local-activity.js';
import type { LocalActivityRecord } from './machines/local-activity-marker.js';
import type { EventListener, QueuedCommand } from './machines/machine.js';
import { NondeterminismError } from './nondeterminism.js';
import type { RunCodecs } from './run-codecs.js';
import { RunMachines } from './run-machines.js';
import { acceptedUpdate, admittedUpdate, type IncomingUpdate, type OutgoingUpdate } from './updates.js';
import { patchesIn, resetSeed, versionIn } from './window-facts.js';
import { headerFields, payloadsOf } from './wire.js';

/** The workflow's code failed the task. */
export class WorkflowTaskError extends Error {
  constructor(readonly taskError: TaskError) {
    super(taskError.message);
  }
}

/** The workflow task whose events are being applied. */
interface CurrentTask {
  readonly started: HistoryEvent;
  readonly isReplay: boolean;
  readonly limit: StepLimit;
  readonly workerVersion: WorkerVersion;
  /** For the first activation only. */
  patches: readonly string[];
  randomSeed: string | undefined;
}

/** Fails what asks for a local activity where there is nobody to run it. */
const NO_LOCAL_ACTIVITIES: LocalActivityHost = {
  has: () => false,
  now: () => 0,
  start: () => {
    throw new Error('This executor runs no local activities.');
  },
  renewAfter: () => () => undefined,
};

const NO_VERSION: WorkerVersion = { buildId: undefined, deployment: undefined };

/** Measured (`npm run bench -- --scenario cached`): what a small run holds, and what each pending operation adds, promises and all. */
const BYTES_PER_RUN = 20_000;
const BYTES_PER_PENDING = 3_000;

export class ReplayedRun implements LocalActivityMachineHost {
  readonly namespace: string;
  readonly taskQueue: string;
  readonly #realm: Realm;
  readonly origin: RunStart;
  readonly #run: RealmRun;
  readonly #commands = new CommandQueue();
  readonly #machines: RunMachines;
  /** Updates that a reset carried over, until history shows what became of them. */
  readonly #admitted = new LateMap<string, IncomingUpdate>();
  readonly #local = new LocalActivityTable();
  readonly #localHost: LocalActivityHost;
  /** Of this worker. */
  readonly #workerVersion: WorkerVersion;
  #outgoing: OutgoingUpdate[] = [];
  readonly #inputBytes: number;
  #limit: StepLimit = 'none';
  #task: CurrentTask | undefined;
  #tellNow: Job[] = [];
  #timeMs = 0;
  #lastStartedEventId = 0;
  /** The last event that was applied. */
  #lastEventId = 0;
  #sdkMetadataRecorded = false;
  /** The executor's: how its payloads pass payload codecs, if there are any. */
  codecs: RunCodecs | undefined;

  constructor(realm: Realm, start: RunStart, localHost: LocalActivityHost = NO_LOCAL_ACTIVITIES, workerVersion: WorkerVersion = NO_VERSION) {
    this.#workerVersion = workerVersion;
    this.#realm = realm;
    this.#localHost = localHost;
    this.origin = start;
    this.#inputBytes = start.input.reduce((bytes, { data }) => bytes + (data?.byteLength ?? 0), 0);
    this.namespace = start.namespace;
    this.taskQueue = start.taskQueue;
    this.#run = realm.createRun(start);
    this.#machines = new RunMachines(this, this.#local);
  }

  get runId(): string {
    return this.origin.runId;
  }

  /** The workflow task up to which workflow code has run. */
  get lastStartedEventId(): number {
    return this.#lastStartedEventId;
  }

  /** Workflow time, milliseconds since the epoch. */
  get timeMs(): number {
    return this.#timeMs;
  }

  get taskTimeoutMs(): number {
    return this.origin.taskTimeoutMs;
  }

  /** The code has ended the run; nothing more can happen. */
  get closed(): boolean {
    return this.#machines.closed;
  }

  /** An estimate of the memory that the run holds. What its code keeps beside that is not known. */
  get bytes(): number {
    return BYTES_PER_RUN + this.#inputBytes + this.#machines.pending * BYTES_PER_PENDING;
  }

  /** How the run moves between versions of its code, if the workflow says. */
  get versioningBehavior(): VersioningBehavior | undefined {
    const named = this.#run.versioningBehavior;
    return named && VersioningBehavior[named];
  }

  get isReplaying(): boolean {
    return this.#task?.isReplay === true;
  }

  /** True once history shows which SDK completed a task of this run. */
  get sdkMetadataRecorded(): boolean {
    return this.#sdkMetadataRecorded;
  }

  /**
   * Applies events that follow those of before, and runs workflow code for each task that they complete. `updates` came with the task
   * that is being processed; `limit` is for its steps.
   *
   * @throws NondeterminismError, WorkflowTaskError. The run is of no use afterwards.
   */
  apply(given: readonly HistoryEvent[], currentStartedEventId: number, updates: readonly IncomingUpdate[] = [], limit: StepLimit = 'none'): void {
    this.#limit = limit;
    // After a dropped task, events come that code has seen already.
    const events = (given[0]?.eventId ?? Infinity) > this.#lastEventId ? given : given.filter(({ eventId }) => eventId > this.#lastEventId);
    const windows = historyWindows(events, currentStartedEventId);
    for (let index = 0; index < windows.length; index++) {
      const window = windows[index]!;
      this.#applyWindow(events, window, windows[index + 1]?.to ?? events.length - 1, window.isReplay ? [] : updates);
    }
  }

  /** Compares what the code did last with the events after it, for which no further task has come. @throws NondeterminismError */
  matchRest(events: readonly HistoryEvent[]): void {
    const rest = events.filter(({ eventId }) => eventId > this.#lastEventId);
    const [completed, ...following] = rest;
    if (completed?.eventType !== EventType.WORKFLOW_TASK_COMPLETED) return;
    for (const event of following) {
      if (!isCommandEvent(event)) break;
      if (!this.#local.markerReached(event)) this.#commands.match(event);
    }
    this.#commands.finishMatching(completed.eventId);
  }

  /**
   * The server dropped the last task, of which nothing came but rejected updates: no trace of it will be in history. Its
   * WorkflowTaskScheduled and WorkflowTaskStarted never happened; what came before them did.
   */
  forgetLastTask(lastStartedEventId: number): void {
    this.#lastStartedEventId = lastStartedEventId;
    this.#lastEventId -= 2;
  }

  /** True while the task must wait, because local activities run or their results have not been told. */
  get awaitsLocalActivities(): boolean {
    return !this.#machines.closed && this.#local.areOutstanding;
  }

  /** Calls back when {@link resolveLocalActivity} has something to do; at once if it has already. */
  onLocalActivity(callback: () => void): void {
    this.#local.onArrival(callback);
  }

  /** Tells workflow code the next result of a local activity. @throws WorkflowTaskError */
  resolveLocalActivity(): void {
    if (!this.#local.resolveArrived()) return;
    this.#activate();
    this.#afterActivations();
  }

  /** The run is dropped: what it still runs is of no use. */
  dispose(): void {
    this.#local.abandonAll();
    this.#realm.dispose(this.#run);
  }

  /** The answers to updates of the last task. */
  get outgoingUpdates(): readonly OutgoingUpdate[] {
    return this.#outgoing;
  }

  /** The commands of the last task, for the wire. */
  buildCommands(): Init<Command>[] {
    return this.#commands.build();
  }

  query(call: QueryCall): QueryAnswer {
    return this.#realm.ask(this.#run, call);
  }

  queue(command: QueuedCommand): void {
    this.#commands.push(command);
  }

  withdraw(command: QueuedCommand): void {
    this.#commands.withdraw(command);
  }

  send(answer: OutgoingUpdate): void {
    if (!this.isReplaying) this.#outgoing.push(answer);
  }

  start(machine: LocalActivityMachine, request: LocalActivityRequest): RunningLocalActivity {
    return this.#localHost.start(request, (resolution) => this.#local.arrived(machine, resolution));
  }

  takeRecord(seq: number): LocalActivityRecord | undefined {
    return this.#local.takeRecord(seq);
  }

  tellResolution(job: Job, completeTimeMs: number | undefined): void {
    this.#timeMs = Math.max(this.#timeMs, completeTimeMs ?? 0);
    this.tellNow(job);
  }

  tellNow(job: Job): void {
    this.#tellNow.push(job);
    this.#machines.settled(job);
  }

  listen(eventId: number, listener: EventListener): void {
    this.#machines.listen(eventId, listener);
  }

  unlisten(eventId: number): void {
    this.#machines.unlisten(eventId);
  }

  #applyWindow(events: readonly HistoryEvent[], { from, to, isReplay }: HistoryWindow, nextTo: number, updates: readonly IncomingUpdate[]): void {
    const started = events[to]!;
    const workerVersion = isReplay ? versionIn(events[to + 1]) : this.#workerVersion;
    const task: CurrentTask = { started, isReplay, limit: isReplay ? 'none' : this.#limit, workerVersion, patches: isReplay ? patchesIn(events, to + 1, nextTo) : [], randomSeed: undefined };
    this.#task = task;
    this.#outgoing = [];
    // Signals and updates go first; see the comment at the top.
    const first: Job[] = [];
    const others: Job[] = [];
    let matchingAfter = 0;
    let nextUpdate = 0;
    for (let index = from; index < to; index++) {
      const event = events[index]!;
      for (; nextUpdate < updates.length && updates[nextUpdate]!.sequencingEventId < event.eventId; nextUpdate++) first.push(this.#machines.updateJob(updates[nextUpdate]!));
      if (event.eventType === EventType.WORKFLOW_TASK_COMPLETED) {
        matchingAfter = event.eventId;
        this.#sdkMetadataRecorded ||= (event.workflowTaskCompletedEventAttributes?.sdkMetadata?.byteLength ?? 0) > 0;
      } else if (isCommandEvent(event)) {
        if (!this.#local.markerReached(event)) this.#commands.match(event);
      } else {
        task.randomSeed = resetSeed(event) ?? task.randomSeed;
        const job = this.#jobFor(event);
        if (job?.kind === 'signal' || job?.kind === 'update') first.push(job);
        else if (job !== undefined) others.push(job);
      }
    }
    for (const update of updates.slice(nextUpdate)) first.push(this.#machines.updateJob(update));
    if (matchingAfter > 0) this.#commands.finishMatching(matchingAfter);
    this.#lastStartedEventId = this.#lastEventId = started.eventId;
    if (isReplay) {
      for (let index = to + 1; index <= nextTo; index++) this.#lookAhead(events[index]!, first);
      this.#local.lookAhead(events, to + 1, nextTo);
    } else this.#local.replayIsOver();
    // A task that brings nothing does not run code; code must not see its time either.
    if (first.length + others.length > 0) {
      this.#timeMs = Math.max(this.#timeMs, started.eventTime ?? 0);
      this.#tellNow = [...first, ...others];
      this.#activate();
    }
    while (this.#local.resolveAhead()) this.#activate();
    this.#afterActivations();
  }

  /** In a replay: the request of an update that this task brought stands in the event of its acceptance. */
  #lookAhead(event: HistoryEvent, jobs: Job[]): void {
    const accepted = event.workflowExecutionUpdateAcceptedEventAttributes;
    if (accepted === undefined) return;
    const update = this.#admitted.get(accepted.protocolInstanceId) ?? acceptedUpdate(event);
    if (update === undefined) throw NondeterminismError.unknownReference(event);
    this.#admitted.delete(accepted.protocolInstanceId);
    jobs.push(this.#machines.updateJob(update));
  }

  /** Lets workflow code act on what it is to be told, and again on what comes of that at once. */
  #activate(): void {
    const task = this.#task!;
    const attributes = task.started.workflowTaskStartedEventAttributes;
    while (this.#tellNow.length > 0) {
      const activation = {
        timeMs: this.#timeMs,
        isReplaying: task.isReplay,
        historyLength: task.started.eventId,
        historySizeBytes: attributes?.historySizeBytes ?? 0,
        continueAsNewSuggested: attributes?.suggestContinueAsNew ?? false,
        continueAsNewReasons: attributes?.suggestContinueAsNewReasons ?? [],
        targetDeploymentChanged: attributes?.targetWorkerDeploymentVersionChanged ?? false,
        workerVersion: task.workerVersion,
        randomSeed: task.randomSeed,
        patches: task.patches,
        jobs: this.#tellNow,
      };
      this.#tellNow = [];
      task.randomSeed = undefined;
      task.patches = [];
      this.#realm.step(this.#run, (run) => run.activate(activation), task.limit);
      const commands = this.#run.taskError === undefined ? this.#realm.takeCommands(this.#run) : [];
      const { taskError } = this.#run;
      if (taskError !== undefined) throw new WorkflowTaskError(taskError);
      for (const command of commands) this.#machines.take(command);
    }
  }

  #afterActivations(): void {
    this.#commands.finish();
    if (this.#machines.closed) this.#local.abandonAll();
    else if (!this.isReplaying) this.#local.begin(this.origin);
  }

  /** What workflow code must hear of an event. */
  #jobFor(event: HistoryEvent): Job | undefined {
    switch (event.eventType) {
      case EventType.WORKFLOW_EXECUTION_STARTED:
        return { kind: 'start' };
      case EventType.WORKFLOW_EXECUTION_SIGNALED: {
        const signal = event.workflowExecutionSignaledEventAttributes;
        return { kind: 'signal', name: signal?.signalName ?? '', input: payloadsOf(signal?.input), headers: headerFields(signal?.header) };
      }
      case EventType.WORKFLOW_EXECUTION_UPDATE_ADMITTED: {
        const update = admittedUpdate(event);
        if (update === undefined) return undefined;
        if (!this.isReplaying) return this.#machines.updateJob(update);
        this.#admitted.set(update.protocolInstanceId, update);
        return undefined;
      }
      case EventType.WORKFLOW_EXECUTION_CANCEL_REQUESTED:
        return { kind: 'cancel', reason: event.workflowExecutionCancelRequestedEventAttributes?.cause ?? '' };
      default:
        return this.#machines.onEvent(event);
    }
  }
}

export function queryCallOf(id: string, { queryType, queryArgs, header }: WorkflowQuery): QueryCall {
  return { id, name: queryType, input: payloadsOf(queryArgs), headers: headerFields(header) };
}
