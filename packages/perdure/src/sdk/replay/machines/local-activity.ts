/**
 * A local activity: run by the worker, recorded by one marker when it has ended.
 *
 * ```
 *  live:    running ──ended──► resolved, marker queued ──MarkerRecorded──► over
 *  replay:  awaited ──its marker, found ahead in history──► resolved ──that MarkerRecorded──► over
 *              └── history ends without a marker: the worker died meanwhile ──► running
 * ```
 * Cancelled with TRY_CANCEL (the default) or ABANDON it is resolved at once, as cancelled, and a marker says so; with
 * WAIT_CANCELLATION_COMPLETED when it has ended. In a replay the marker decides.
 */
import { Failure, RetryState } from '../../../protocol/index.js';
import { FAILURE_SOURCE } from '../../common/failure.js';
import type { Job, LocalBackoff, Resolution, ScheduleLocalActivity } from '../../workflow/activation.js';
import type { LocalActivityOutcome, LocalActivityRequest, LocalActivityResolution, RunningLocalActivity } from '../local-activities.js';
import { cancellation } from '../wire.js';
import { LocalActivityMarker, type LocalActivityRecord } from './local-activity-marker.js';
import type { MachineHost } from './machine.js';

/** What the machine needs of its run, beside what all machines need. */
export interface LocalActivityMachineHost extends MachineHost {
  readonly timeMs: number;
  start(machine: LocalActivityMachine, request: LocalActivityRequest): RunningLocalActivity;
  /** Takes a marker that has been found ahead out of its order. */
  takeRecord(seq: number): LocalActivityRecord | undefined;
  /** Tells workflow code in an activation of its own, whose time is not before `completeTimeMs`. */
  tellResolution(job: Job, completeTimeMs: number | undefined): void;
}

type State =
  | { readonly kind: 'queued' }
  | { readonly kind: 'running'; readonly activity: RunningLocalActivity }
  | { readonly kind: 'awaited' }
  /** `recorded`: the marker is in history already, so no command was made for it. */
  | { readonly kind: 'resolved'; readonly recorded: boolean };

export class LocalActivityMachine {
  readonly #host: LocalActivityMachineHost;
  readonly #command: ScheduleLocalActivity;
  readonly #startTimeMs: number;
  #state: State;

  constructor(host: LocalActivityMachineHost, command: ScheduleLocalActivity, isReplay: boolean) {
    this.#host = host;
    this.#command = command;
    this.#startTimeMs = host.timeMs;
    this.#state = isReplay ? { kind: 'awaited' } : { kind: 'queued' };
  }

  get seq(): number {
    return this.#command.seq;
  }

  get description(): string {
    return `run local activity '${this.#command.activityType}' (id '${this.#command.activityId}')`;
  }

  get site(): ScheduleLocalActivity['site'] {
    return this.#command.site;
  }

  /** The workflow task cannot be answered for good before this has ended. */
  get isOutstanding(): boolean {
    return this.#state.kind === 'queued' || this.#state.kind === 'running';
  }

  /** True if it is the one that the marker records. */
  matches(record: LocalActivityRecord): boolean {
    const { seq, activityId, activityType } = this.#command;
    return record.seq === seq && record.activityId === activityId && record.activityType === activityType;
  }

  /** The marker is in history, and no command of this task belongs to it. */
  get isRecorded(): boolean {
    return this.#state.kind === 'resolved' && this.#state.recorded;
  }

  /** Workflow code has had its turn and did not take it back. */
  begin(request: Pick<LocalActivityRequest, 'workflowId' | 'runId' | 'workflowType'>): void {
    if (this.#state.kind !== 'queued') return;
    this.#state = { kind: 'running', activity: this.#host.start(this, { ...request, ...this.#command }) };
  }

  /** History holds nothing more: what was awaited was lost with the worker that ran it. */
  replayIsOver(): void {
    if (this.#state.kind === 'awaited') this.#state = { kind: 'queued' };
  }

  requestCancel(): void {
    switch (this.#state.kind) {
      case 'queued':
        return this.#endAsCancelled();
      case 'running':
        if (this.#command.cancellation === 'wait-cancellation-completed') return this.#state.activity.cancel();
        if (this.#command.cancellation === 'abandon') this.#state.activity.abandon();
        else this.#state.activity.cancel();
        return this.#endAsCancelled();
      case 'awaited': {
        const record = this.#host.takeRecord(this.seq);
        return record && this.resolveFromHistory(record);
      }
      case 'resolved':
        return;
      default:
        this.#state satisfies never;
    }
  }

  /** The worker says how it ended. Late news of one that was cancelled at once are passed over. */
  resolve(resolution: LocalActivityResolution): void {
    // Whole milliseconds: live execution and replay must come to the very same time.
    if (this.#state.kind === 'running') this.#end(resolution, Math.ceil(this.#startTimeMs + resolution.runtimeMs));
  }

  resolveFromHistory(record: LocalActivityRecord): void {
    if (this.#state.kind !== 'awaited') return;
    this.#state = { kind: 'resolved', recorded: true };
    this.#tell(record);
  }

  /** Nobody will ask for the result: the run is dropped or over. */
  abandon(): void {
    if (this.#state.kind === 'running') this.#state.activity.abandon();
  }

  #endAsCancelled(): void {
    const { attempt, originalScheduleTimeMs } = this.#command;
    const outcome: LocalActivityOutcome = { kind: 'cancelled', failure: cancellation('Activity cancelled', undefined) };
    this.#end({ outcome, attempt, backoffMs: undefined, originalScheduleTimeMs }, undefined);
  }

  #end(
    ended: Omit<LocalActivityResolution, 'runtimeMs' | 'originalScheduleTimeMs'> & { readonly originalScheduleTimeMs: number | undefined },
    completeTimeMs: number | undefined,
  ): void {
    const { seq, activityId, activityType, summary, site } = this.#command;
    const record: LocalActivityRecord = { seq, activityId, activityType, ...ended, completeTimeMs };
    this.#state = { kind: 'resolved', recorded: false };
    this.#host.queue(new LocalActivityMarker(record, summary, site, this.description));
    this.#tell(record);
  }

  #tell(record: LocalActivityRecord): void {
    const job: Job = { kind: 'resolve-local-activity', seq: this.seq, result: this.#resultOf(record) };
    this.#host.tellResolution(job, record.completeTimeMs);
  }

  #resultOf({ outcome, attempt, backoffMs, originalScheduleTimeMs }: LocalActivityRecord): Resolution | LocalBackoff {
    if (outcome.kind === 'completed') return { ok: true, payload: outcome.result };
    if (backoffMs !== undefined) return { backoffMs, attempt: attempt + 1, originalScheduleTimeMs };
    if (outcome.kind === 'failed') return { ok: false, failure: outcome.failure };
    return { ok: false, failure: this.#wrapped(outcome.kind === 'cancelled' ? 'Local Activity cancelled' : 'Local Activity timed out', outcome.failure) };
  }

  #wrapped(message: string, cause: Failure): Failure {
    const { activityType, activityId } = this.#command;
    const failure = Failure.create({
      message,
      source: FAILURE_SOURCE,
      activityFailureInfo: {
        scheduledEventId: 0,
        startedEventId: 0,
        identity: '',
        activityType: { name: activityType },
        activityId,
        retryState: RetryState.CANCEL_REQUESTED,
      },
    });
    failure.cause = cause;
    return failure;
  }
}
