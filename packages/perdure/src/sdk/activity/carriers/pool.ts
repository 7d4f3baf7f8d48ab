/**
 * The carriers of one kind: at most one for each processor, each with one call at a time. Calls beyond that wait in their order; how many
 * there can be is bounded by the worker's activity slots.
 *
 * A carrier that is idle does not keep the program from ending, and ends after a while. One that does not obey a cancellation in time is
 * killed: code that computes without a pause cannot hear of it.
 */
import { availableParallelism } from 'node:os';
import { ApplicationFailure, CancelledFailure, type Logger } from '../../common/index.js';
import type { ActivityCancellationDetails, CancellationReason } from '../cancellation.js';
import type { Info } from '../info.js';
import type { Carrier, OpenCarrier } from './carrier.js';
import { errorFromParts, type Declaration, type FromCarrier } from './messages.js';

/** What a call needs of the activity that makes it. Absent: no activity makes it. */
export interface CallSurroundings {
  readonly info: Info;
  readonly signal: AbortSignal;
  readonly cancellationDetails: () => ActivityCancellationDetails | undefined;
  readonly heartbeat: (details: unknown) => void;
  readonly log: Logger;
}

export interface Call {
  readonly declaration: Declaration;
  readonly args: readonly unknown[];
  readonly surroundings: CallSurroundings | undefined;
  /** How long a call that was cancelled may go on. */
  readonly graceMs: number;
}

interface Seat {
  readonly carrier: Carrier;
  call: RunningCall | undefined;
  idleTimer: NodeJS.Timeout | undefined;
}

const IDLE_MS = 30_000;

export class Pool {
  readonly #open: OpenCarrier;
  readonly #kind: string;
  readonly #seats = new Set<Seat>();
  readonly #waiting: RunningCall[] = [];

  /** @param kind what a carrier is called in messages. */
  constructor(kind: string, open: OpenCarrier) {
    this.#kind = kind;
    this.#open = open;
  }

  /** @returns what the function returned. @throws what it threw, a CancelledFailure, or an ApplicationFailure if its carrier died. */
  run(call: Call): Promise<unknown> {
    const { signal } = call.surroundings ?? {};
    return new Promise<unknown>((resolve, reject) => {
      const running = new RunningCall(call, resolve, reject);
      const cancel = () => this.#cancel(running);
      running.onEnd = () => signal?.removeEventListener('abort', cancel);
      if (signal?.aborted) return running.fail(cancelledBy(signal));
      signal?.addEventListener('abort', cancel);
      this.#waiting.push(running);
      this.#next();
    });
  }

  #next(): void {
    const call = this.#waiting[0];
    if (call === undefined) return;
    const seat = [...this.#seats].find((one) => one.call === undefined) ?? (this.#seats.size < availableParallelism() ? this.#newSeat() : undefined);
    if (seat === undefined) return;
    this.#waiting.shift();
    clearTimeout(seat.idleTimer);
    seat.call = call;
    call.seat = seat;
    seat.carrier.hold(true);
    try {
      seat.carrier.send({ type: 'run', declaration: call.declaration, args: call.args, info: call.surroundings?.info });
    } catch (error) {
      call.fail(error);
      this.#free(seat);
    }
    this.#next();
  }

  #newSeat(): Seat {
    const seat: Seat = {
      carrier: this.#open({ message: (message) => this.#told(seat, message), ended: (reason) => this.#ended(seat, reason) }),
      call: undefined,
      idleTimer: undefined,
    };
    this.#seats.add(seat);
    return seat;
  }

  #told(seat: Seat, message: FromCarrier): void {
    const { call } = seat;
    if (call === undefined) return;
    if (message.type === 'heartbeat') call.surroundings?.heartbeat(message.details);
    else if (message.type === 'log') call.surroundings?.log.log(message.level, message.message, message.metadata);
    else {
      if (message.type === 'returned') call.succeed(message.result);
      else call.fail(errorFromParts(message.error));
      this.#free(seat);
    }
  }

  #free(seat: Seat): void {
    seat.call = undefined;
    seat.carrier.hold(false);
    seat.idleTimer = setTimeout(() => seat.carrier.kill(), IDLE_MS).unref();
    this.#next();
  }

  #ended(seat: Seat, reason: string): void {
    clearTimeout(seat.idleTimer);
    this.#seats.delete(seat);
    seat.call?.fail(
      seat.call.killed ??
        ApplicationFailure.create({
          type: 'ActivityCarrierDied',
          message: `The ${this.#kind} that ran ${seat.call.declaration.name || 'the activity'} ended before the activity did: ${reason}.`,
        }),
    );
    this.#next();
  }

  #cancel(call: RunningCall): void {
    const { surroundings, seat } = call;
    if (surroundings === undefined) return;
    const failure = cancelledBy(surroundings.signal);
    if (seat === undefined) {
      this.#waiting.splice(this.#waiting.indexOf(call), 1);
      call.fail(failure);
      return;
    }
    seat.carrier.send({ type: 'cancel', reason: failure.message as CancellationReason, details: { ...surroundings.cancellationDetails() } });
    call.killTimer = setTimeout(() => {
      call.killed = failure;
      seat.carrier.kill();
    }, call.graceMs);
  }
}

/** The signal of an activity is aborted with the failure that the activity is to end with. */
function cancelledBy(signal: AbortSignal): CancelledFailure {
  return signal.reason instanceof CancelledFailure ? signal.reason : new CancelledFailure('CANCELLED');
}

/** A call until it has ended. */
class RunningCall {
  readonly declaration: Declaration;
  readonly args: readonly unknown[];
  readonly surroundings: CallSurroundings | undefined;
  readonly graceMs: number;
  readonly #resolve: (result: unknown) => void;
  readonly #reject: (error: unknown) => void;
  /** Absent: it waits for one. */
  seat: Seat | undefined;
  killTimer: NodeJS.Timeout | undefined;
  /** What it ends with after its carrier was killed. */
  killed: CancelledFailure | undefined;
  onEnd: () => void = () => {};

  constructor(call: Call, resolve: (result: unknown) => void, reject: (error: unknown) => void) {
    this.declaration = call.declaration;
    this.args = call.args;
    this.surroundings = call.surroundings;
    this.graceMs = call.graceMs;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  succeed(result: unknown): void {
    this.#end();
    this.#resolve(result);
  }

  fail(error: unknown): void {
    this.#end();
    this.#reject(error);
  }

  #end(): void {
    clearTimeout(this.killTimer);
    this.onEnd();
  }
}
