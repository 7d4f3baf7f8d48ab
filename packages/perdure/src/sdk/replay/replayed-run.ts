/**
 * One run: takes history in, keeps its machines, lets the realm act, and has commands ready.
 *
 * Pure but for the realm: no I/O, no clock. Replaying a history from its first event and being given the same history piece by piece end
 * in the same state; the executor relies on it when it drops a run and builds it anew.
 *
 * Order of things in one workflow task, the same that all SDKs keep because histories depend on it: command events of the previous task;
 * patches; signals; everything else in the order of its events; at last the workflow function, if this is its first task. Results that
 * commands have at once (a cancelled activity) make a further activation of the same task.
 */
import { EventType, WorkflowTaskFailedCause, type Command, type Encoded, type HistoryEvent, type Init, type Payloads } from '../../protocol/index.js';
import { defaultPayloadConverter } from '../common/payload-converter.js';
import type { Activation, Job, QueryAnswer, QueryCall, RealmCommand, RealmRun, RunStart, TaskError } from '../workflow/activation.js';
import type { Realm } from '../sandbox/realm.js';
import { CommandQueue, isCommandEvent } from './command-queue.js';
import { historyWindows, type HistoryWindow } from './history-windows.js';
import { ActivityMachine } from './machines/activity.js';
import { ChildMachine } from './machines/child-workflow.js';
import { CloseMachine } from './machines/close.js';
import { CancelExternalMachine, SignalExternalMachine } from './machines/external.js';
import type { EventListener, MachineHost, QueuedCommand } from './machines/machine.js';
import { CHANGE_VERSION, MemoCommand, PatchCommand, patchOf, SearchAttributesCommand } from './machines/record.js';
import { TimerMachine } from './machines/timer.js';
import { NondeterminismError } from './nondeterminism.js';
import { endsReference, referencedEventId } from './references.js';
import { payloadsOf } from './wire.js';

/** The workflow's code failed the task. */
export class WorkflowTaskError extends Error {
  constructor(readonly taskError: TaskError) {
    super(taskError.message);
  }
}

export class ReplayedRun implements MachineHost {
  readonly namespace: string;
  readonly taskQueue: string;
  readonly #realm: Realm;
  readonly #start: RunStart;
  readonly #run: RealmRun;
  readonly #commands = new CommandQueue();
  readonly #activities = new Map<number, ActivityMachine>();
  readonly #timers = new Map<number, TimerMachine>();
  readonly #children = new Map<number, ChildMachine>();
  readonly #signals = new Map<number, SignalExternalMachine>();
  readonly #listeners = new Map<number, EventListener>();
  readonly #patches: string[] = [];
  #tellNow: Job[] = [];
  #timeMs = 0;
  #lastStartedEventId = 0;
  #sdkMetadataRecorded = false;
  #closed = false;

  constructor(realm: Realm, start: RunStart) {
    this.#realm = realm;
    this.#start = start;
    this.namespace = start.namespace;
    this.taskQueue = start.taskQueue;
    this.#run = realm.createRun(start);
  }

  get runId(): string {
    return this.#start.runId;
  }

  /** The workflow task up to which workflow code has run. */
  get lastStartedEventId(): number {
    return this.#lastStartedEventId;
  }

  /** The code has ended the run; nothing more can happen. */
  get closed(): boolean {
    return this.#closed;
  }

  /** True once history shows which SDK completed a task of this run. */
  get sdkMetadataRecorded(): boolean {
    return this.#sdkMetadataRecorded;
  }

  /**
   * Applies events that follow those of before, and runs workflow code for each task that they complete.
   *
   * @throws NondeterminismError, WorkflowTaskError. The run is of no use afterwards.
   */
  apply(events: readonly HistoryEvent[], currentStartedEventId: number): void {
    const windows = historyWindows(events, currentStartedEventId);
    for (let index = 0; index < windows.length; index++) {
      const window = windows[index]!;
      this.#applyWindow(events, window, windows[index + 1]?.to ?? events.length - 1);
    }
  }

  /** The commands of the last task, for the wire. */
  buildCommands(): Init<Command>[] {
    return this.#commands.build();
  }

  query(call: QueryCall): QueryAnswer {
    return this.#realm.ask(this.#run, (run) => run.query(call));
  }

  queue(command: QueuedCommand): void {
    this.#commands.push(command);
  }

  withdraw(command: QueuedCommand): void {
    this.#commands.withdraw(command);
  }

  tellNow(job: Job): void {
    this.#tellNow.push(job);
    this.#settled(job);
  }

  listen(eventId: number, listener: EventListener): void {
    this.#listeners.set(eventId, listener);
  }

  unlisten(eventId: number): void {
    this.#listeners.delete(eventId);
  }

  #applyWindow(events: readonly HistoryEvent[], { from, to, isReplay }: HistoryWindow, nextTo: number): void {
    const signals: Job[] = [];
    const others: Job[] = [];
    let randomSeed: string | undefined;
    let matchingAfter = 0;
    for (let index = from; index < to; index++) {
      const event = events[index]!;
      if (event.eventType === EventType.WORKFLOW_TASK_COMPLETED) {
        matchingAfter = event.eventId;
        this.#sdkMetadataRecorded ||= (event.workflowTaskCompletedEventAttributes?.sdkMetadata?.byteLength ?? 0) > 0;
      } else if (isCommandEvent(event)) this.#commands.match(event);
      else {
        randomSeed = resetSeed(event) ?? randomSeed;
        const job = this.#jobFor(event);
        if (job?.kind === 'signal') signals.push(job);
        else if (job !== undefined) others.push(job);
      }
    }
    if (matchingAfter > 0) this.#commands.finishMatching(matchingAfter);
    const started = events[to]!;
    this.#lastStartedEventId = started.eventId;
    const jobs = [...signals, ...others];
    // A task that brings nothing does not run code; code must not see its time either.
    if (jobs.length === 0) return;
    this.#timeMs = Math.max(this.#timeMs, started.eventTime ?? 0);
    const patches = isReplay ? patchesIn(events, to + 1, nextTo) : [];
    this.#activate(started, isReplay, jobs, patches, randomSeed);
  }

  #activate(started: HistoryEvent, isReplaying: boolean, jobs: readonly Job[], patches: readonly string[], randomSeed: string | undefined): void {
    const task = started.workflowTaskStartedEventAttributes;
    let activation: Activation = {
      timeMs: this.#timeMs,
      isReplaying,
      historyLength: started.eventId,
      historySizeBytes: task?.historySizeBytes ?? 0,
      continueAsNewSuggested: task?.suggestContinueAsNew ?? false,
      randomSeed,
      patches,
      jobs,
    };
    for (;;) {
      const current = activation;
      this.#realm.step(this.#run, (run) => run.activate(current));
      const { taskError } = this.#run;
      if (taskError !== undefined) throw new WorkflowTaskError(taskError);
      for (const command of this.#run.takeCommands()) this.#take(command);
      if (this.#tellNow.length === 0) break;
      activation = { ...current, randomSeed: undefined, patches: [], jobs: this.#tellNow };
      this.#tellNow = [];
    }
    this.#commands.finish();
  }

  /** What workflow code must hear of an event. */
  #jobFor(event: HistoryEvent): Job | undefined {
    switch (event.eventType) {
      case EventType.WORKFLOW_EXECUTION_STARTED:
        return { kind: 'start' };
      case EventType.WORKFLOW_EXECUTION_SIGNALED: {
        const signal = event.workflowExecutionSignaledEventAttributes;
        return { kind: 'signal', name: signal?.signalName ?? '', input: payloadsOf(signal?.input) };
      }
      case EventType.WORKFLOW_EXECUTION_CANCEL_REQUESTED:
        return { kind: 'cancel', reason: event.workflowExecutionCancelRequestedEventAttributes?.cause ?? '' };
      default: {
        const reference = referencedEventId(event);
        if (reference === undefined) return undefined;
        const listener = this.#listeners.get(reference);
        if (listener === undefined) throw NondeterminismError.unknownReference(event);
        if (endsReference(event)) this.unlisten(reference);
        return this.#settled(listener.onEvent(event));
      }
    }
  }

  /** Forgets what workflow code has the result of: a run must not grow with all that it ever did. */
  #settled(job: Job | undefined): Job | undefined {
    if (job?.kind === 'resolve-activity') this.#activities.delete(job.seq);
    else if (job?.kind === 'fire-timer') this.#timers.delete(job.seq);
    else if (job?.kind === 'resolve-child') this.#children.delete(job.seq);
    else if (job?.kind === 'resolve-external-signal') this.#signals.delete(job.seq);
    return job;
  }

  /** A command from workflow code. */
  #take(command: RealmCommand): void {
    switch (command.kind) {
      case 'schedule-activity':
        return this.#add(this.#activities, command.seq, new ActivityMachine(this, command));
      case 'request-cancel-activity':
        return this.#activities.get(command.seq)?.requestCancel();
      case 'start-timer':
        return this.#add(this.#timers, command.seq, new TimerMachine(this, command));
      case 'cancel-timer':
        this.#timers.get(command.seq)?.cancel();
        this.#timers.delete(command.seq);
        return;
      case 'start-child':
        return this.#add(this.#children, command.seq, new ChildMachine(this, command));
      case 'request-cancel-child':
        return this.#children.get(command.seq)?.requestCancel(command.reason);
      case 'signal-external':
        return this.#add(this.#signals, command.seq, new SignalExternalMachine(this, command));
      case 'cancel-signal':
        return this.#signals.get(command.seq)?.cancel();
      case 'cancel-external':
        return this.queue(new CancelExternalMachine(this, command));
      case 'set-patch':
        return this.#patch(command);
      case 'upsert-search-attributes':
        return this.queue(new SearchAttributesCommand(command.fields, command.site));
      case 'upsert-memo':
        return this.queue(new MemoCommand(command.fields, command.site));
      case 'complete':
      case 'fail':
      case 'cancel':
      case 'continue-as-new':
        this.#closed = true;
        return this.queue(new CloseMachine(this, command));
      default:
        command satisfies never;
    }
  }

  #add<M extends QueuedCommand>(machines: Map<number, M>, seq: number, machine: M): void {
    machines.set(seq, machine);
    this.queue(machine);
  }

  /** The marker, and the search attribute that lets people find the executions that have it. */
  #patch({ patchId: id, deprecated, site }: Extract<RealmCommand, { kind: 'set-patch' }>): void {
    this.queue(new PatchCommand({ id, deprecated }, site));
    this.#patches.push(id);
    const payload = defaultPayloadConverter.toPayload([...this.#patches]);
    const metadata = new Map([...payload.metadata, ['type', Buffer.from('KeywordList')]]);
    this.queue(new SearchAttributesCommand(new Map([[CHANGE_VERSION, { metadata, data: payload.data }]]), undefined, true));
  }
}

/** Names of the patches whose markers are among the events: the code of the task before must know them. */
function patchesIn(events: readonly HistoryEvent[], from: number, to: number): string[] {
  const patches: string[] = [];
  for (let index = from; index <= to; index++) {
    const event = events[index]!;
    // Command events come right after WorkflowTaskCompleted.
    if (event.eventType !== EventType.WORKFLOW_TASK_COMPLETED && !isCommandEvent(event)) break;
    const patch = patchOf(event);
    if (patch !== undefined) patches.push(patch.id);
  }
  return patches;
}

/** After a reset, chance starts over: otherwise the new run would repeat the old one's ids. */
function resetSeed(event: HistoryEvent): string | undefined {
  const failed = event.workflowTaskFailedEventAttributes;
  return failed?.cause === WorkflowTaskFailedCause.RESET_WORKFLOW ? failed.newRunId : undefined;
}

export function queryCallOf(name: string, args: Encoded<Payloads> | undefined): QueryCall {
  return { name, input: payloadsOf(args) };
}
