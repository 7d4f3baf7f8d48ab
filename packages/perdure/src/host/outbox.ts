/**
 * The outbox: messages from machine to machine, delivered until the receiver has answered.
 *
 * A message is a debt of its sender. It is decided by the receiver on the spot, so that sender, receiver and the sender's note that it
 * was answered usually share one commit; commits are in order, so nobody can be ahead of what caused it. A receiver that cannot answer
 * now (its machine cannot be loaded, too much waits) is asked again with growing pauses. After a crash the sender still owes the
 * message and sends it again: receivers deduplicate.
 */
import type { DebtKey, MachineKey } from '../machines/machine.js';
import { Fifo } from '../matching/fifo.js';
import { Code, RpcError } from '../protocol/index.js';
import type { Clock, Timer } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import type { Decisions } from './decisions.js';
import type { HostLimits } from './limits.js';
import type { Resident } from './resident.js';
import type { Residents } from './residents.js';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;
/** Messages decided in one turn, so that machines which write to each other do not keep everyone else waiting. */
const MESSAGES_PER_TURN = 500;

/** One message that is owed. */
export class Delivery {
  attempts = 0;
  pause: Timer | undefined = undefined;

  constructor(
    readonly sender: Resident,
    readonly key: DebtKey,
    readonly to: MachineKey,
    readonly input: unknown,
  ) {}

  get isCurrent(): boolean {
    return this.sender.phase === 'live' && this.sender.deliveries.get(this.key) === this;
  }

  cancel(): void {
    this.pause?.cancel();
  }
}

export interface OutboxOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: HostLimits;
  readonly residents: Residents;
  readonly decisions: Decisions;
}

export class Outbox {
  readonly #options: OutboxOptions;
  /** Bounded by what the machines in memory owe. */
  readonly #waiting = new Fifo<Delivery>();
  #underWay = 0;
  #pumping = false;
  #deferred = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Begins to deliver. Usually the message has been answered when the outermost call returns. */
  start(delivery: Delivery): void {
    this.#waiting.push(delivery);
    this.#pump();
  }

  #pump(): void {
    if (this.#pumping || this.#deferred) return;
    this.#pumping = true;
    let left = MESSAGES_PER_TURN;
    while (this.#waiting.size > 0 && this.#underWay < this.#options.limits.deliveries && left > 0) {
      left -= 1;
      this.#deliver(this.#waiting.shift() as Delivery);
    }
    this.#pumping = false;
    if (left === 0 && this.#waiting.size > 0) {
      this.#deferred = true;
      this.#options.clock.defer(() => {
        this.#deferred = false;
        this.#pump();
      });
    }
  }

  #deliver(delivery: Delivery): void {
    if (!delivery.isCurrent) return;
    const { residents, decisions } = this.#options;
    this.#underWay += 1;
    delivery.attempts += 1;
    residents.withMachine(
      delivery.to,
      (receiver) => this.#answered(delivery, delivery.isCurrent ? decisions.decide(delivery.to, receiver, delivery.input).reply : undefined),
      (error) => this.#answered(delivery, error),
    );
  }

  #answered(delivery: Delivery, reply: unknown): void {
    this.#underWay -= 1;
    if (delivery.isCurrent) {
      if (!isTransient(reply)) {
        const { sender, key } = delivery;
        this.#options.decisions.decide(sender.self, sender, { type: 'delivered', key, reply });
      }
      // Still owed: the receiver has to be asked again, or the sender did not understand the answer.
      if (delivery.isCurrent) this.#pause(delivery);
    }
    this.#pump();
  }

  #pause(delivery: Delivery): void {
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(delivery.attempts - 1, 20));
    delivery.pause = this.#options.clock.setDelay(pauseMs * (0.5 + this.#options.random.next() / 2), () => this.start(delivery));
  }
}

/** The receiver has not answered, only its surroundings did. */
function isTransient(reply: unknown): boolean {
  if (!(reply instanceof RpcError)) return false;
  return reply.code === Code.UNAVAILABLE || reply.code === Code.RESOURCE_EXHAUSTED || reply.code === Code.INTERNAL;
}
