/**
 * The disk of a simulation: what a crash leaves. It tells of each commit at the instant at which it is durable, and takes a fingerprint of
 * all that was ever written: two runs are the same run if, and only if, their fingerprints are equal.
 */
import { createHash } from 'node:crypto';
import { History, type HistoryEvent } from '../protocol/index.js';
import type { MachineId, Transition } from '../store/index.js';
import { SimulatedDisk } from '../store/simulated/simulated-disk.js';

/** One run of a workflow execution that was ever begun. */
export interface RecordedRun {
  readonly workflowId: string;
  readonly runId: string;
}

const WORKFLOW_KIND = 'workflow';

export class RecordingDisk extends SimulatedDisk {
  /** In the order of their beginning; runs that were deleted since are not among them. */
  readonly #runs = new Map<MachineId, RecordedRun>();
  readonly #hash = createHash('sha256');
  readonly #onCommit: () => void;
  #commits = 0;

  /** @param onCommit called when a commit has become durable, before anybody else hears of it */
  constructor(onCommit: () => void) {
    super();
    this.#onCommit = onCommit;
  }

  get commits(): number {
    return this.#commits;
  }

  get runs(): readonly RecordedRun[] {
    return [...this.#runs.values()];
  }

  /** Ends the record. */
  fingerprint(): string {
    return this.#hash.digest('hex');
  }

  /** All events of a run that are durable. */
  events(runId: string): HistoryEvent[] {
    return this.history(runId, 1, { bytes: Infinity }).flatMap(({ bytes }) => History.decode(bytes).events);
  }

  /** The last durable event of a run. */
  lastEvent(runId: string): HistoryEvent | undefined {
    const lastEventId = this.load(runId)?.lastEventId ?? 0;
    return this.history(runId, lastEventId, { bytes: Infinity }).flatMap(({ bytes }) => History.decode(bytes).events).at(-1);
  }

  override commit(transitions: readonly Transition[]): void {
    super.commit(transitions);
    this.#commits += 1;
    for (const { machine, seq, create, history, private: privateEvents, row } of transitions) {
      if (create?.kind === WORKFLOW_KIND) this.#runs.set(machine, { workflowId: create.key, runId: machine });
      this.#hash.update(`${machine} ${seq} ${row.wakeAt} ${row.open}\n`);
      if (history !== undefined) this.#hash.update(history.bytes);
      if (privateEvents !== undefined) this.#hash.update(privateEvents);
    }
    this.#onCommit();
  }

  override delete(machines: readonly MachineId[]): void {
    super.delete(machines);
    for (const machine of machines) {
      this.#runs.delete(machine);
      this.#hash.update(`deleted ${machine}\n`);
    }
    this.#onCommit();
  }
}
