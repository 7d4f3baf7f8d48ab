/**
 * The local activities of one run: those that run, those whose markers have been found ahead in history, and results not yet told.
 *
 * Each result makes an activation of its own, in the order in which the activities ended; the markers keep that order, so a replay
 * repeats it. Markers are found by looking ahead at the events that follow the completion of the task that is being replayed: the code
 * must have the results in the same task in which it had them the first time.
 */
import { LateMap } from '../common/late-map.js';
import type { HistoryEvent } from '../../protocol/index.js';
import type { LocalActivityRequest, LocalActivityResolution } from './local-activities.js';
import type { LocalActivityMachine } from './machines/local-activity.js';
import { isLocalActivityMarker, localActivityRecordOf, type LocalActivityRecord } from './machines/local-activity-marker.js';
import { NondeterminismError } from './nondeterminism.js';

interface Arrival {
  readonly machine: LocalActivityMachine;
  readonly resolution: LocalActivityResolution;
}

export class LocalActivityTable {
  readonly #machines = new LateMap<number, LocalActivityMachine>();
  readonly #arrivals: Arrival[] = [];
  #ahead: LocalActivityRecord[] = [];
  #onArrival: (() => void) | undefined;

  add(machine: LocalActivityMachine): void {
    this.#machines.set(machine.seq, machine);
  }

  get(seq: number): LocalActivityMachine | undefined {
    return this.#machines.get(seq);
  }

  /** True while an activity runs or its result waits to be told. */
  get areOutstanding(): boolean {
    for (const machine of this.#machines.values()) if (machine.isOutstanding) return true;
    return false;
  }

  /** Finds the markers among the events that follow a completed task. Those found before and not used belong to nothing. */
  lookAhead(events: readonly HistoryEvent[], from: number, to: number): void {
    this.#ahead = [];
    for (let index = from; index <= to; index++) {
      const record = localActivityRecordOf(events[index]!);
      if (record !== undefined) this.#ahead.push(record);
    }
  }

  takeRecord(seq: number): LocalActivityRecord | undefined {
    const index = this.#ahead.findIndex((record) => record.seq === seq);
    return index < 0 ? undefined : this.#ahead.splice(index, 1)[0];
  }

  /** Resolves the activity of the next marker, if it has been asked for. False if there is none, or not yet. */
  resolveAhead(): boolean {
    const [record] = this.#ahead;
    const machine = record && this.#machines.get(record.seq);
    if (record === undefined || machine === undefined) return false;
    this.#ahead.shift();
    machine.resolveFromHistory(record);
    return true;
  }

  /**
   * A marker is reached in history. True if that settles it; false if a command must match it.
   *
   * @throws NondeterminismError if the code did not ask for such an activity.
   */
  markerReached(event: HistoryEvent): boolean {
    if (!isLocalActivityMarker(event)) return false;
    const record = localActivityRecordOf(event);
    const machine = record && this.#machines.get(record.seq);
    if (record === undefined || machine === undefined) throw NondeterminismError.mismatch(event, undefined);
    this.#machines.delete(record.seq);
    if (!machine.isRecorded) return false;
    if (!machine.matches(record)) throw NondeterminismError.mismatch(event, machine);
    return true;
  }

  /** History holds no more results: what waits for one must run. */
  replayIsOver(): void {
    for (const machine of this.#machines.values()) machine.replayIsOver();
  }

  /** Starts what the code has asked for and has not taken back. */
  begin(request: Pick<LocalActivityRequest, 'workflowId' | 'runId' | 'workflowType'>): void {
    for (const machine of this.#machines.values()) machine.begin(request);
  }

  arrived(machine: LocalActivityMachine, resolution: LocalActivityResolution): void {
    this.#arrivals.push({ machine, resolution });
    this.#onArrival?.();
  }

  /** Calls back once there is something for {@link resolveArrived}; at once if there is already. Replaces an earlier wish. */
  onArrival(callback: () => void): void {
    this.#onArrival = callback;
    if (this.#arrivals.length > 0) callback();
  }

  /** Resolves the activity whose result came next. False if no result has come. */
  resolveArrived(): boolean {
    const next = this.#arrivals.shift();
    next?.machine.resolve(next.resolution);
    return next !== undefined;
  }

  /** Nobody will ask for the results. */
  abandonAll(): void {
    for (const machine of this.#machines.values()) machine.abandon();
    this.#arrivals.length = 0;
  }
}
