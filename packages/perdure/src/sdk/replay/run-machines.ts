/**
 * The machines of one run: made by the commands of workflow code, moved by events, forgotten when nothing more can come for them.
 *
 * `ReplayedRun` owns it and hands it what workflow code wants and what history shows.
 */
import { LateMap } from '../common/late-map.js';
import { defaultPayloadConverter } from '../common/payload-converter.js';
import type { HistoryEvent } from '../../protocol/index.js';
import type { Job, RealmCommand } from '../workflow/activation.js';
import type { LocalActivityTable } from './local-activity-table.js';
import { ActivityMachine } from './machines/activity.js';
import { ChildMachine } from './machines/child-workflow.js';
import { CloseMachine } from './machines/close.js';
import { CancelExternalMachine, SignalExternalMachine } from './machines/external.js';
import { LocalActivityMachine, type LocalActivityMachineHost } from './machines/local-activity.js';
import type { EventListener, QueuedCommand } from './machines/machine.js';
import { NexusOperationMachine } from './machines/nexus-operation.js';
import { CHANGE_VERSION, MemoCommand, PatchCommand, SearchAttributesCommand } from './machines/record.js';
import { TimerMachine } from './machines/timer.js';
import { UpdateMachine } from './machines/update.js';
import { NondeterminismError } from './nondeterminism.js';
import { endsReference, referencedEventId } from './references.js';
import type { IncomingUpdate } from './updates.js';

export interface RunMachinesHost extends LocalActivityMachineHost {
  readonly isReplaying: boolean;
}

export class RunMachines {
  readonly #host: RunMachinesHost;
  readonly #local: LocalActivityTable;
  readonly #activities = new LateMap<number, ActivityMachine>();
  readonly #timers = new LateMap<number, TimerMachine>();
  readonly #children = new LateMap<number, ChildMachine>();
  readonly #nexusOperations = new LateMap<number, NexusOperationMachine>();
  readonly #signals = new LateMap<number, SignalExternalMachine>();
  readonly #updates = new LateMap<string, UpdateMachine>();
  readonly #listeners = new LateMap<number, EventListener>();
  readonly #patches: string[] = [];
  /** The code has ended the run. */
  closed = false;

  constructor(host: RunMachinesHost, local: LocalActivityTable) {
    this.#host = host;
    this.#local = local;
  }

  /** What the code has begun and waits for. */
  get pending(): number {
    return this.#activities.size + this.#timers.size + this.#children.size + this.#nexusOperations.size + this.#signals.size;
  }

  listen(eventId: number, listener: EventListener): void {
    this.#listeners.set(eventId, listener);
  }

  unlisten(eventId: number): void {
    this.#listeners.delete(eventId);
  }

  /** What workflow code must hear of an event that continues something. @throws NondeterminismError if nothing of the kind was begun. */
  onEvent(event: HistoryEvent): Job | undefined {
    const reference = referencedEventId(event);
    if (reference === undefined) return undefined;
    const listener = this.#listeners.get(reference);
    if (listener === undefined) throw NondeterminismError.unknownReference(event);
    if (endsReference(event)) this.unlisten(reference);
    return this.settled(listener.onEvent(event));
  }

  /** Somebody asks for an update. */
  updateJob(update: IncomingUpdate): Job {
    const machine = new UpdateMachine(this.#host, update);
    this.#updates.set(update.protocolInstanceId, machine);
    return machine.job(this.#host.isReplaying);
  }

  /** Forgets what workflow code has the result of: a run must not grow with all that it ever did. */
  settled(job: Job | undefined): Job | undefined {
    if (job?.kind === 'resolve-activity') this.#activities.delete(job.seq);
    else if (job?.kind === 'fire-timer') this.#timers.delete(job.seq);
    else if (job?.kind === 'resolve-child') this.#children.delete(job.seq);
    else if (job?.kind === 'resolve-nexus-operation') this.#nexusOperations.delete(job.seq);
    else if (job?.kind === 'resolve-external-signal') this.#signals.delete(job.seq);
    return job;
  }

  /** A command from workflow code. */
  take(command: RealmCommand): void {
    const host = this.#host;
    switch (command.kind) {
      case 'schedule-activity':
        return this.#add(this.#activities, command.seq, new ActivityMachine(host, command));
      case 'request-cancel-activity':
        return this.#activities.get(command.seq)?.requestCancel();
      case 'schedule-local-activity':
        return this.#local.add(new LocalActivityMachine(host, command, host.isReplaying));
      case 'request-cancel-local-activity':
        return this.#local.get(command.seq)?.requestCancel();
      case 'accept-update':
        return this.#updates.get(command.protocolInstanceId)?.accept();
      case 'reject-update':
        this.#updates.get(command.protocolInstanceId)?.reject(command.failure);
        this.#updates.delete(command.protocolInstanceId);
        return;
      case 'complete-update':
        this.#updates.get(command.protocolInstanceId)?.complete(command.result);
        this.#updates.delete(command.protocolInstanceId);
        return;
      case 'start-timer':
        return this.#add(this.#timers, command.seq, new TimerMachine(host, command));
      case 'cancel-timer':
        this.#timers.get(command.seq)?.cancel();
        this.#timers.delete(command.seq);
        return;
      case 'start-child':
        return this.#add(this.#children, command.seq, new ChildMachine(host, command));
      case 'request-cancel-child':
        return this.#children.get(command.seq)?.requestCancel(command.reason);
      case 'schedule-nexus-operation':
        return this.#add(this.#nexusOperations, command.seq, new NexusOperationMachine(host, command));
      case 'request-cancel-nexus-operation':
        return this.#nexusOperations.get(command.seq)?.requestCancel();
      case 'signal-external':
        return this.#add(this.#signals, command.seq, new SignalExternalMachine(host, command));
      case 'cancel-signal':
        return this.#signals.get(command.seq)?.cancel();
      case 'cancel-external':
        return host.queue(new CancelExternalMachine(host, command));
      case 'set-patch':
        return this.#patch(command);
      case 'upsert-search-attributes':
        return host.queue(new SearchAttributesCommand(command.fields, command.site));
      case 'upsert-memo':
        return host.queue(new MemoCommand(command.fields, command.site));
      case 'complete':
      case 'fail':
      case 'cancel':
      case 'continue-as-new':
        this.closed = true;
        return host.queue(new CloseMachine(host, command));
      default:
        command satisfies never;
    }
  }

  #add<M extends QueuedCommand>(machines: LateMap<number, M>, seq: number, machine: M): void {
    machines.set(seq, machine);
    this.#host.queue(machine);
  }

  /** The marker, and the search attribute that lets people find the executions that have it. */
  #patch({ patchId: id, deprecated, site }: Extract<RealmCommand, { kind: 'set-patch' }>): void {
    this.#host.queue(new PatchCommand({ id, deprecated }, site));
    this.#patches.push(id);
    const payload = defaultPayloadConverter.toPayload([...this.#patches]);
    const metadata = { ...payload.metadata, type: Buffer.from('KeywordList') };
    this.#host.queue(new SearchAttributesCommand(new Map([[CHANGE_VERSION, { metadata, data: payload.data }]]), undefined, true));
  }
}
