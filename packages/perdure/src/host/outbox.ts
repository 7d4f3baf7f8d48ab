/**
 * The outbox: messages from machine to machine, delivered until the receiver has answered.
 *
 * A message is a debt of its sender. It is decided by the receiver on the spot, so that sender, receiver and the sender's note that it
 * was answered usually share one commit; commits are in order, so nobody can be ahead of what caused it. The sender hears of the answers to
 * all that it sent at once, at once: a thousand children that start are one record of their parent, not a thousand. A receiver that cannot answer
 * now (its machine cannot be loaded, too much waits) is asked again with growing pauses; a broken one for ever, or as often as the message says. After a crash the sender still owes the
 * message and sends it again: receivers deduplicate.
 */
import type { DebtKey, MachineKey } from '../machines/machine.js';
import { Fifo } from '../matching/fifo.js';
import { Code, RpcError } from '../protocol/index.js';
import type { Clock, Timer } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import type { Courier } from './courier.js';
import type { Decisions } from './decisions.js';
import type { GroupCommit } from './group-commit.js';
import type { HostLimits } from './limits.js';
import { visible, type Resident } from './resident.js';
import type { Residents } from './residents.js';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;
/** Messages decided in one turn, so that machines which write to each other do not keep everyone else waiting. */
const MESSAGES_PER_TURN = 500;
/** Answers that a sender is told at once, at most (unless one turn brings more). */
const MOST_ANSWERS = 2_000;

/** One message that is owed. */
export class Delivery {
  attempts = 0;
  /** How often the receiver could not decide. */
  failures = 0;
  pause: Timer | undefined = undefined;

  constructor(
    readonly sender: Resident,
    readonly key: DebtKey,
    readonly to: MachineKey,
    readonly input: unknown,
    readonly mostFailures = Number.POSITIVE_INFINITY,
  ) {}

  get isCurrent(): boolean {
    return this.sender.phase === 'live' && this.sender.deliveries.get(this.key) === this;
  }

  cancel(): void {
    this.pause?.cancel();
  }
}

interface Answered {
  readonly delivery: Delivery;
  readonly reply: unknown;
}

export interface OutboxOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: HostLimits;
  readonly residents: Residents;
  readonly decisions: Decisions;
  readonly commit: GroupCommit;
  /** Those who reach the outside, by the kind of the receiver. */
  readonly couriers: ReadonlyMap<string, Courier>;
}

export class Outbox {
  readonly #options: OutboxOptions;
  /** Bounded by what the machines in memory owe. */
  readonly #waiting = new Fifo<Delivery>();
  /** How many messages of a sender wait. */
  readonly #waitingOf = new Map<Resident, number>();
  /** Answers that their senders have not been told, by sender. */
  readonly #answers = new Map<Resident, Answered[]>();
  #underWay = 0;
  #pumping = false;
  #deferred = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Takes a message. Call {@link Outbox.pump} once all that are owed together have been added: their answers are told together. */
  add(delivery: Delivery): void {
    this.#waiting.push(delivery);
    this.#waitingOf.set(delivery.sender, (this.#waitingOf.get(delivery.sender) ?? 0) + 1);
  }

  /** Begins to deliver. Usually the messages have been answered when the outermost call returns. */
  pump(): void {
    if (this.#pumping || this.#deferred) return;
    this.#pumping = true;
    let left = MESSAGES_PER_TURN;
    do {
      while (this.#waiting.size > 0 && this.#underWay < this.#options.limits.deliveries && left > 0) {
        left -= 1;
        this.#deliver(this.#next());
      }
      // May lead to further messages.
      this.#tellSenders();
    } while (this.#waiting.size > 0 && this.#underWay < this.#options.limits.deliveries && left > 0);
    this.#pumping = false;
    if (left === 0 && this.#waiting.size > 0) {
      this.#deferred = true;
      this.#options.clock.defer(() => {
        this.#deferred = false;
        this.pump();
      });
    }
  }

  #next(): Delivery {
    const delivery = this.#waiting.shift() as Delivery;
    const left = (this.#waitingOf.get(delivery.sender) ?? 0) - 1;
    if (left > 0) this.#waitingOf.set(delivery.sender, left);
    else this.#waitingOf.delete(delivery.sender);
    return delivery;
  }

  #deliver(delivery: Delivery): void {
    if (!delivery.isCurrent) return;
    const { residents, decisions, couriers } = this.#options;
    const courier = couriers.get(delivery.to.kind);
    if (courier !== undefined) return this.#handOver(delivery, courier);
    this.#underWay += 1;
    delivery.attempts += 1;
    residents.withMachine(
      delivery.to,
      (receiver) => this.#answered(delivery, delivery.isCurrent ? decisions.decide(delivery.to, visible(receiver), delivery.input).reply : undefined),
      (error) => this.#answered(delivery, error),
    );
  }

  /** To the outside, once what the sender owes is durable. The courier bounds how many are under way. */
  #handOver(delivery: Delivery, courier: Courier): void {
    delivery.attempts += 1;
    const notReached = new RpcError(Code.UNAVAILABLE, 'The message has not been delivered.');
    const call = (): void => {
      if (!delivery.isCurrent) return;
      courier.deliver(delivery.input).then(
        (reply) => this.#take(delivery, reply),
        () => this.#take(delivery, notReached),
      );
    };
    this.#options.commit.release(delivery.sender.group, { resolve: call, reject: () => this.#take(delivery, notReached) }, undefined);
  }

  #answered(delivery: Delivery, reply: unknown): void {
    this.#underWay -= 1;
    this.#take(delivery, reply);
  }

  #take(delivery: Delivery, reply: unknown): void {
    if (delivery.isCurrent) {
      if (isTransient(reply) && !isGivenUp(delivery, reply)) this.#pause(delivery);
      else {
        const answers = this.#answers.get(delivery.sender);
        if (answers === undefined) this.#answers.set(delivery.sender, [{ delivery, reply }]);
        else answers.push({ delivery, reply });
      }
    }
    this.pump();
  }

  #tellSenders(): void {
    for (const [sender, answered] of this.#answers) {
      // More of the same burst is about to be answered, in the next turn if not in this one.
      if (this.#waitingOf.has(sender) && answered.length < MOST_ANSWERS) continue;
      this.#answers.delete(sender);
      const current = answered.filter(({ delivery }) => delivery.isCurrent);
      if (current.length === 0) continue;
      const answers = current.map(({ delivery, reply }) => ({ key: delivery.key, reply }));
      this.#options.decisions.decide(sender.self, sender, { type: 'delivered', answers });
      // Still owed: the sender did not understand the answer.
      for (const { delivery } of current) if (delivery.isCurrent) this.#pause(delivery);
    }
  }

  #pause(delivery: Delivery): void {
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(delivery.attempts - 1, 20));
    delivery.pause = this.#options.clock.setDelay(pauseMs * (0.5 + this.#options.random.next() / 2), () => {
      this.add(delivery);
      this.pump();
    });
  }
}

/** Whether a receiver that is broken was asked often enough: then others are not to wait for it. */
function isGivenUp(delivery: Delivery, reply: unknown): boolean {
  if (!(reply instanceof RpcError) || reply.code !== Code.INTERNAL) return false;
  delivery.failures += 1;
  return delivery.failures >= delivery.mostFailures;
}

/** The receiver has not answered, only its surroundings did. */
function isTransient(reply: unknown): boolean {
  if (!(reply instanceof RpcError)) return false;
  return reply.code === Code.UNAVAILABLE || reply.code === Code.RESOURCE_EXHAUSTED || reply.code === Code.INTERNAL;
}
