/**
 * Group commit: what many machines decided in one turn becomes durable in one commit.
 *
 * Invariants:
 * - Groups are committed in the order in which they were filled, one at a time; the next fills while one is in flight.
 * - What is added in one call lands in one group: a machine and its successor exist both or not at all.
 * - A reply that waits for a group is released when that group, and so every earlier one, is durable.
 * - If a commit fails, everything not yet durable is undone, later groups included: they were decided on what failed.
 * - A machine that the store refuses is found and kept apart (`suspects.ts`); a commit that does not end is told (`commit-watch.ts`).
 *
 * `decisions.ts` fills groups, whoever answers someone calls {@link GroupCommit.release}.
 */
import { Code, RpcError } from '../protocol/index.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { StoreUnavailableError } from '../store/errors.js';
import type { MachineRow, Store, Transition } from '../store/store.js';
import { CommitWatch } from './commit-watch.js';
import { STUCK, unavailable, type HostLimits } from './limits.js';
import type { Resident } from './resident.js';
import { HostStats } from './stats.js';
import { Suspects } from './suspects.js';

/** Who waits for a reply. */
export interface Asker {
  resolve(reply: unknown): void;
  reject(error: RpcError): void;
}

/** One step of one machine on its way to the store. */
export interface PendingTransition extends Omit<Transition, 'row' | 'snapshot'> {
  row: MachineRow;
  snapshot: Uint8Array | undefined;
}

export interface PendingStep {
  readonly resident: Resident;
  readonly transition: PendingTransition;
  readonly bytes: number;
  readonly notices?: readonly unknown[] | undefined;
}

export class Group {
  durable = false;
  bytes = 0;
  /** Nothing else may join: a suspect is in it. */
  sealed = false;
  readonly steps: PendingStep[] = [];
  readonly askers: Asker[] = [];
  readonly replies: unknown[] = [];
}

export interface GroupCommitEvents {
  /** The group is about to be handed to the store: last chance to add snapshots. */
  flushing(group: Group): void;
  /** Its records are durable. Called before the replies are released. */
  durable(group: Group): void;
  /** The steps of these groups are undone. Called before the askers hear of it. */
  undone(groups: readonly Group[], cause: unknown): void;
}

export class GroupCommit {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #limits: HostLimits;
  readonly #events: GroupCommitEvents;
  readonly #logger: Logger;
  readonly #suspects: Suspects;
  readonly #watch: CommitWatch;
  /** Filled and not yet in flight, the one that still fills last. */
  #waiting: Group[] = [];
  #inFlight: Group | undefined;
  #flushDeferred = false;
  #pendingRecords = 0;
  #pendingBytes = 0;
  #begunAt = 0;
  #idle: (() => void)[] = [];

  constructor(store: Store, clock: Clock, limits: HostLimits, logger: Logger, events: GroupCommitEvents, readonly stats = new HostStats()) {
    this.#store = store;
    this.#clock = clock;
    this.#limits = limits;
    this.#events = events;
    this.#logger = logger;
    this.#suspects = new Suspects(clock);
    this.#watch = new CommitWatch(clock, logger, limits.commitWatchMs, () => this.#giveUpWaiting());
  }

  /** Too much is decided and not durable: take no more inputs from outside. */
  get isOverloaded(): boolean {
    return this.#pendingRecords >= this.#limits.pendingRecords || this.#pendingBytes >= this.#limits.pendingBytes;
  }

  /** Records that are decided and not durable. */
  get pendingRecords(): number {
    return this.#pendingRecords;
  }

  /** More than one commit waits: whoever can wait should, so that inputs from outside find room. */
  get isBehind(): boolean {
    return this.#waiting.length > 1;
  }

  /** The store does not answer: take no more inputs from outside. */
  get isStuck(): boolean {
    return this.#watch.isStuck;
  }

  /** The store refused this machine's records a moment ago: it decides nothing now. */
  rests(machine: string): boolean {
    return this.#suspects.rests(machine);
  }

  /** Adds steps that belong together, in order. */
  add(first: PendingStep, second?: PendingStep): Group {
    const group = this.#fillingGroup(first.bytes + (second?.bytes ?? 0), this.#suspects.has(first.resident.id));
    this.#push(group, first);
    if (second !== undefined) this.#push(group, second);
    if (!this.#flushDeferred && this.#inFlight === undefined) this.#deferFlush();
    return group;
  }

  /** Adds steps that belong together, however many, in order. */
  addAll(steps: readonly PendingStep[]): Group {
    const group = this.#fillingGroup(steps.reduce((sum, step) => sum + step.bytes, 0), steps.some((step) => this.#suspects.has(step.resident.id)));
    for (const step of steps) this.#push(group, step);
    if (!this.#flushDeferred && this.#inFlight === undefined) this.#deferFlush();
    return group;
  }

  /** Answers once the group is durable; at once if there is nothing to wait for. */
  release(group: Group | undefined, asker: Asker, reply: unknown): void {
    if (group === undefined || group.durable) return answer(asker, reply);
    if (this.#watch.isStuck) return asker.reject(unavailable(STUCK));
    group.askers.push(asker);
    group.replies.push(reply);
  }

  /** Resolves once nothing waits and nothing is in flight. */
  async drained(): Promise<void> {
    while (this.#inFlight !== undefined || this.#waiting.length > 0) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
  }

  #fillingGroup(bytes: number, sealed: boolean): Group {
    const last = this.#waiting[this.#waiting.length - 1];
    const hasRoom =
      last !== undefined && !last.sealed && !sealed && last.steps.length < this.#limits.groupRecords && (last.bytes + bytes <= this.#limits.groupBytes || last.bytes === 0);
    if (hasRoom) return last;
    const group = new Group();
    group.sealed = sealed;
    this.#waiting.push(group);
    return group;
  }

  #push(group: Group, step: PendingStep): void {
    group.steps.push(step);
    group.bytes += step.bytes;
    step.resident.group = group;
    this.#pendingRecords += 1;
    this.#pendingBytes += step.bytes;
  }

  #deferFlush(): void {
    this.#flushDeferred = true;
    this.#clock.defer(() => {
      this.#flushDeferred = false;
      this.#flush();
    });
  }

  #flush(): void {
    const group = this.#waiting.shift();
    if (group === undefined) return;
    this.#inFlight = group;
    this.#events.flushing(group);
    this.#watch.begin();
    this.#begunAt = this.#clock.monotonic();
    let committed: Promise<void>;
    try {
      committed = this.#store.commit(group.steps.map((step) => step.transition));
    } catch (error) {
      committed = Promise.reject(error);
    }
    committed.then(
      () => this.#succeeded(group),
      (error: unknown) => this.#failed(group, error),
    );
  }

  #succeeded(group: Group): void {
    this.#watch.end();
    this.#inFlight = undefined;
    this.#forget(group);
    group.durable = true;
    this.stats.commitSeconds.observe((this.#clock.monotonic() - this.#begunAt) / 1000);
    this.stats.commitRecords.observe(group.steps.length);
    this.stats.journalBytes += group.bytes;
    for (const { resident, transition } of group.steps) {
      resident.durableSeq = transition.seq;
      if (transition.history !== undefined) resident.durableLastEventId = transition.history.lastEventId;
      if (resident.group === group) resident.group = undefined;
      this.#suspects.clear(resident.id);
    }
    this.#events.durable(group);
    for (let index = 0; index < group.askers.length; index++) answer(group.askers[index] as Asker, group.replies[index]);
    if (this.#waiting.length > 0 && !this.#flushDeferred) this.#deferFlush();
    this.#settleIdle();
  }

  #failed(group: Group, cause: unknown): void {
    this.#watch.end();
    this.stats.failedCommits += 1;
    const guilty = this.#blame(group, cause);
    const groups = [group, ...this.#waiting];
    this.#inFlight = undefined;
    this.#waiting = [];
    for (const undone of groups) this.#forget(undone);
    this.#events.undone(groups, cause);
    const error = unavailable('The change could not be stored, and did not take effect. Send the request again.', cause);
    for (const undone of groups) for (const asker of undone.askers) asker.reject(undone === group ? (guilty ?? error) : error);
    this.#settleIdle();
  }

  /** What the callers of a machine hear whose records the store refuses, if it has been found. */
  #blame(group: Group, cause: unknown): RpcError | undefined {
    const machines = new Set(group.steps.map((step) => step.resident.id));
    if (cause instanceof StoreUnavailableError) {
      this.#logger.warn('A commit failed: the store is not available. What was decided is undone, and callers are told to try again.', { machines: machines.size, error: cause });
      return undefined;
    }
    const found = this.#suspects.blame(machines);
    const message = found ? 'The store refuses the records of a machine, which rests for a while.' : 'The store refuses a commit. Its machines commit one by one now, to find out which is the cause.';
    this.#logger.error(message, { machines: [...machines].slice(0, 10), error: cause });
    if (!found) return undefined;
    const [machine] = machines;
    return new RpcError(Code.INTERNAL, `The store refuses what machine ${machine} decided. This is a bug in the server; nothing was changed. Its log has the details.`, [], { cause });
  }

  /** Whether what waits takes effect is not known, and may not be for long. */
  #giveUpWaiting(): void {
    const error = unavailable('The store does not answer. Whether the change took effect is not known: send the request again with the same request id.');
    for (const group of this.#inFlight === undefined ? this.#waiting : [this.#inFlight, ...this.#waiting]) {
      group.replies.length = 0;
      for (const asker of group.askers.splice(0)) asker.reject(error);
    }
  }

  #forget(group: Group): void {
    this.#pendingRecords -= group.steps.length;
    this.#pendingBytes -= group.bytes;
  }

  #settleIdle(): void {
    if (this.#inFlight !== undefined || this.#waiting.length > 0) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }
}

export function answer(asker: Asker, reply: unknown): void {
  if (reply instanceof RpcError) asker.reject(reply);
  else asker.resolve(reply);
}
