/**
 * The books on what machines are owed: they keep matching, wakes and outbox equal to `owes(state)`.
 *
 * `reconcile` compares what a machine owes under the touched keys with what the books say, withdraws what is no longer owed at once,
 * and returns what is owed anew. `emit` acts on that once the step is in a group. Two steps, because acting may decide further inputs
 * (a task meets a waiting poller), and those must come after the step that led to them.
 */
import type { Debt, DebtKey, RoutingTarget, TaskPriority, TaskQueueAddress } from '../machines/machine.js';
import type { Matching } from '../matching/matching.js';
import { ReadyTask } from '../matching/ready-task.js';
import { TO_RAMPING, type RoutingKey } from '../matching/routing.js';
import type { WaitingPoll } from '../matching/waiting-poll.js';
import { RpcError } from '../protocol/index.js';
import type { Decisions } from './decisions.js';
import type { GroupCommit } from './group-commit.js';
import { Delivery, type Outbox } from './outbox.js';
import type { Resident } from './resident.js';
import type { Residents } from './residents.js';
import type { Wakes } from './wakes.js';

/** A task that a machine owes, as it waits in matching. */
export class DispatchOffer extends ReadyTask {
  readonly #debts: Debts;

  constructor(
    debts: Debts,
    readonly resident: Resident,
    readonly key: DebtKey,
    queue: TaskQueueAddress,
    since: number,
    readonly sticky: boolean,
    priority: TaskPriority | undefined,
    /** As the debt says. */
    readonly followsQueue: string | undefined,
    readonly cachedBy: string | undefined,
    readonly toRamping: boolean,
  ) {
    super(queue, since, priority);
    this.#debts = debts;
  }

  /** All tasks of an execution take the same way. */
  override get routingKey(): RoutingKey {
    return this.toRamping ? TO_RAMPING : this.resident.self.key;
  }

  /** Still owed, and under this very offer. */
  get isCurrent(): boolean {
    return this.resident.offers.get(this.key) === this;
  }

  override meet(poll: WaitingPoll): 'taken' | 'stale' {
    return this.#debts.meet(this, poll);
  }

  override abandoned(): void {
    this.#debts.emit(this.resident, [this]);
  }
}

export type Effect = DispatchOffer | Delivery;

export interface DebtsOptions {
  readonly matching: Matching;
  readonly wakes: Wakes;
  readonly outbox: Outbox;
  readonly decisions: Decisions;
  readonly residents: Residents;
  readonly commit: GroupCommit;
}

export class Debts {
  readonly #options: DebtsOptions;
  /** Offers that matching turned away because it is full. */
  readonly #turnedAway = new Set<DispatchOffer>();

  constructor(options: DebtsOptions) {
    this.#options = options;
  }

  /** Matching is full: there is no point in loading machines that only owe tasks. */
  get isFull(): boolean {
    return this.#turnedAway.size > 0;
  }

  /** Brings the books up to date for these keys; returns what is owed anew. */
  reconcile(resident: Resident, keys: Iterable<DebtKey>): Effect[] | undefined {
    if (resident.phase !== 'live') return undefined;
    let effects: Effect[] | undefined;
    for (const key of keys) {
      const debt = resident.definition.debt(resident.state, key);
      const offer = this.#reconcileDispatch(resident, key, debt);
      if (offer !== undefined) (effects ??= []).push(offer);
      this.#reconcileWake(resident, key, debt?.wakeAt);
      if (debt?.deletion !== undefined) resident.deletionKey = key;
      else if (resident.deletionKey === key) resident.deletionKey = undefined;
      const delivery = this.#reconcileMessage(resident, key, debt);
      if (delivery !== undefined) (effects ??= []).push(delivery);
    }
    return effects;
  }

  /** After a load: everything that is owed, and everything that the books believe to be owed. */
  reconcileAll(resident: Resident): void {
    const keys = new Set(resident.definition.debtKeys(resident.state));
    for (const book of [resident.offers, resident.wakes, resident.deliveries]) for (const key of book.keys()) keys.add(key);
    const effects = this.reconcile(resident, keys);
    if (effects !== undefined) this.emit(resident, effects);
  }

  /** Acts on what is owed anew. */
  emit(resident: Resident, effects: readonly Effect[]): void {
    const { outbox } = this.#options;
    let hasMessages = false;
    for (const effect of effects) {
      if (!effect.isCurrent) continue;
      if (effect instanceof Delivery) {
        outbox.add(effect);
        hasMessages = true;
      } else this.#offer(resident, effect);
    }
    if (hasMessages) outbox.pump();
  }

  /** The machine leaves memory, or is undone: nothing of it may be dispatched or delivered any more. */
  clear(resident: Resident): void {
    for (const offer of resident.offers.values()) this.#withdraw(offer);
    for (const delivery of resident.deliveries.values()) delivery.cancel();
    resident.offers.clear();
    resident.deliveries.clear();
    resident.wakes.clear();
    resident.deletionKey = undefined;
  }

  /** Forgets the offers that matching turned away, before the machine leaves memory: its row says that they are owed. */
  forgetTurnedAway(resident: Resident): void {
    for (const offer of resident.offers.values()) {
      if (this.#turnedAway.delete(offer)) resident.offers.delete(offer.key);
    }
  }

  /** Matching has room again. */
  offerTurnedAway(): void {
    for (const offer of this.#turnedAway) {
      if (!this.#options.matching.offer(offer)) return;
      this.#turnedAway.delete(offer);
    }
  }

  /** A task met a poll. The machine may have to be loaded first; meanwhile the task holds the poll. */
  meet(offer: DispatchOffer, poll: WaitingPoll): 'taken' | 'stale' {
    const { resident } = offer;
    if (resident.phase === 'live') return this.#dispatch(offer, poll);
    this.#options.residents.withMachine(
      resident.self,
      () => this.#meetAfterLoad(offer, poll),
      (error) => {
        poll.reject(error);
        if (offer.isCurrent) this.#options.matching.offerFirst(offer);
      },
    );
    return 'taken';
  }

  #meetAfterLoad(offer: DispatchOffer, poll: WaitingPoll): void {
    const { matching } = this.#options;
    if (offer.isCurrent && poll.ended) matching.offerFirst(offer);
    else if (!offer.isCurrent || this.#dispatch(offer, poll) === 'stale') matching.giveBack(poll);
  }

  #dispatch(offer: DispatchOffer, poll: WaitingPoll): 'taken' | 'stale' {
    const { resident, key } = offer;
    const { identity, requestId, worker, version } = poll;
    const target = this.#targetOf(offer);
    const poller = { identity, requestId, sticky: offer.sticky, ...(worker !== undefined && { worker }), ...(version !== undefined && { version }), ...(target !== undefined && { target }) };
    const decided = this.#options.decisions.decide(resident.self, resident, { type: 'dispatch', key, poller });
    // Whatever the machine said, this offer is used up: offering it again unasked could go round for ever.
    if (offer.isCurrent) resident.offers.delete(key);
    if (decided.reply instanceof RpcError) {
      if (resident.phase === 'live') return 'stale';
      poll.reject(decided.reply);
      return 'taken';
    }
    poll.dispatched();
    this.#options.commit.release(decided.group, poll, decided.reply);
    return 'taken';
  }

  #offer(resident: Resident, offer: DispatchOffer): void {
    const { matching, decisions, residents } = this.#options;
    if (offer.sticky && (!matching.hasPoller(offer.queue) || this.#isRoutedElsewhere(offer))) {
      if (resident.phase !== 'live') {
        // Should the load fail, the sticky queue's time-out moves the task.
        return residents.withMachine(resident.self, () => this.emit(resident, [offer]), () => {});
      }
      decisions.decide(resident.self, resident, { type: 'sticky-unavailable', key: offer.key });
      if (!offer.isCurrent || resident.phase !== 'live') return;
    }
    if (!matching.offer(offer)) this.#turnedAway.add(offer);
  }

  #targetOf({ followsQueue, queue, routingKey }: DispatchOffer): RoutingTarget | undefined {
    if (followsQueue === undefined || !this.#options.matching.isRouting) return undefined;
    return this.#options.matching.target({ namespace: queue.namespace, name: followsQueue, type: 'workflow' }, routingKey);
  }

  /** The worker that has the run in its cache is of another version than the one that is to go on with it. */
  #isRoutedElsewhere(offer: DispatchOffer): boolean {
    // A task that is bound stays with the worker that has the run, wherever the routing leads.
    if (offer.cachedBy === undefined) return false;
    const target = this.#targetOf(offer);
    return target !== undefined && (target.version ?? '') !== offer.cachedBy;
  }

  #withdraw(offer: DispatchOffer): void {
    this.#options.matching.retract(offer);
    this.#turnedAway.delete(offer);
  }

  #reconcileDispatch(resident: Resident, key: DebtKey, debt: Debt | undefined): DispatchOffer | undefined {
    const owed = debt?.dispatch;
    const offered = resident.offers.get(key);
    if (offered !== undefined) {
      if (owed !== undefined && offered.since === owed.since && offered.sticky === owed.sticky && sameQueue(offered.queue, owed.queue) && offered.cachedBy === owed.cachedBy && offered.toRamping === (owed.toRamping ?? false) && samePriority(offered.priority, owed.priority)) return undefined;
      resident.offers.delete(key);
      this.#withdraw(offered);
    }
    if (owed === undefined) return undefined;
    const offer = new DispatchOffer(this, resident, key, owed.queue, owed.since, owed.sticky, owed.priority, owed.followsQueue, owed.cachedBy, owed.toRamping ?? false);
    resident.offers.set(key, offer);
    return offer;
  }

  #reconcileWake(resident: Resident, key: DebtKey, wakeAt: number | undefined): void {
    if (wakeAt === undefined) {
      if (resident.wakes.size > 0) resident.wakes.delete(key);
      return;
    }
    resident.wakes.set(key, wakeAt);
    this.#options.wakes.expect(resident, wakeAt);
  }

  #reconcileMessage(resident: Resident, key: DebtKey, debt: Debt | undefined): Delivery | undefined {
    const owed = debt?.message;
    const underWay = resident.deliveries.size > 0 ? resident.deliveries.get(key) : undefined;
    if (owed === undefined) {
      if (underWay === undefined) return undefined;
      resident.deliveries.delete(key);
      underWay.cancel();
      return undefined;
    }
    if (underWay !== undefined) return undefined;
    const delivery = new Delivery(resident, key, owed.to, owed.input, owed.mostFailures);
    resident.deliveries.set(key, delivery);
    return delivery;
  }
}

function sameQueue(one: TaskQueueAddress, other: TaskQueueAddress): boolean {
  return one === other || (one.name === other.name && one.type === other.type && one.namespace === other.namespace && one.version === other.version);
}

function samePriority(one: TaskPriority | undefined, other: TaskPriority | undefined): boolean {
  return one === other || (one?.level === other?.level && one?.fairnessKey === other?.fairnessKey && one?.weight === other?.weight);
}
