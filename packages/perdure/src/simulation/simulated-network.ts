/**
 * The network of a simulation: calls that are lost, late, answered to nobody, or made twice.
 *
 * A call belongs to the process that makes it: when that dies, its promise never settles, and the server is told some time later. When the
 * server dies, every call that is under way fails at once, as on a broken connection; while it is down, calls are refused. Nothing here
 * knows what a call means.
 */
import type { VirtualClock } from '../ports/index.js';
import { Code, RpcError, type Init, type Method } from '../protocol/index.js';
import type { CallOptions, Transport } from '../transport/transport.js';
import type { CallFault, Caller, FaultPlan } from './faults.js';
import type { SimulatedProcess } from './simulated-process.js';

/** Longer limits are those of waits, which end by themselves. */
const LONGEST_ENFORCED_LIMIT_MS = 60_000;

/** One life of the server. */
interface ServerLife {
  readonly transport: Transport;
  /** What the calls under way do when it dies. */
  readonly open: Set<(error: RpcError) => void>;
}

export interface NetworkEvents {
  /** Something was sent or has arrived. */
  stirred(): void;
  /** A worker is to die, by a fault of this call. */
  workerDies(process: SimulatedProcess, fault: Extract<CallFault, { kind: 'workerCrashInCall' }>): void;
}

export class SimulatedNetwork {
  readonly #clock: VirtualClock;
  readonly #plan: FaultPlan;
  readonly #events: NetworkEvents;
  readonly #counts = new Map<string, number>();
  #server: ServerLife | undefined;
  #calls = 0;
  #latestArrived = 0;
  #overtaken = 0;

  constructor(clock: VirtualClock, plan: FaultPlan, events: NetworkEvents) {
    this.#clock = clock;
    this.#plan = plan;
    this.#events = events;
  }

  /** Requests that reached the server after others that were made later. */
  get overtaken(): number {
    return this.#overtaken;
  }

  serverIsUp(transport: Transport): void {
    this.#server = { transport, open: new Set() };
  }

  serverIsDown(): void {
    const life = this.#server;
    this.#server = undefined;
    for (const fail of [...(life?.open ?? [])]) fail(unavailable('the connection to the server broke'));
  }

  /** The way of one process to the server. `silentMs` says how long after its death the server learns of it. */
  connect(process: SimulatedProcess, caller: Caller, silentMs: () => number): Transport {
    return {
      call: (method, request, options = {}) => this.#call(process, caller, silentMs, method, request, options),
      close: () => Promise.resolve(),
    };
  }

  #call<Request, Response>(
    process: SimulatedProcess,
    caller: Caller,
    silentMs: () => number,
    method: Method<Request, Response>,
    request: Init<Request>,
    { signal, timeoutMs, metadata }: CallOptions,
  ): Promise<Response> {
    if (!process.alive) return new Promise(() => {});
    const nth = (this.#counts.get(method.name) ?? 0) + 1;
    this.#counts.set(method.name, nth);
    const order = (this.#calls += 1);
    const fault = this.#plan.atCall(method.name, nth, caller);
    this.#events.stirred();
    return new Promise((resolve, reject) => {
      const inner = new AbortController();
      let settled = false;
      const settle = (act: () => void): void => {
        if (settled || !process.alive) return;
        settled = true;
        timer?.cancel();
        forget();
        signal?.removeEventListener('abort', onAbort);
        this.#events.stirred();
        act();
      };
      const fail = (error: RpcError): void => settle(() => reject(error));
      const onAbort = (): void => {
        fail(new RpcError(Code.CANCELLED, 'the caller gave up the call'));
        inner.abort();
      };
      const isLimited = timeoutMs !== undefined && timeoutMs < LONGEST_ENFORCED_LIMIT_MS;
      const timer = isLimited ? process.setDelay(timeoutMs, () => (fail(new RpcError(Code.DEADLINE_EXCEEDED, 'the deadline of the call has passed')), inner.abort())) : undefined;
      const forget = process.onDeath(() => {
        const ms = silentMs();
        if (ms === 0) inner.abort();
        else this.#clock.setDelay(ms, () => inner.abort());
      });

      if (signal?.aborted === true) return onAbort();
      signal?.addEventListener('abort', onAbort);
      const send = (deliver: (act: () => void) => void): void => {
        const life = this.#server;
        if (life === undefined) return fail(unavailable('no server answers'));
        life.open.add(fail);
        if (order < this.#latestArrived) this.#overtaken += 1;
        else this.#latestArrived = order;
        const answered = (act: () => void): void => {
          // A dead server says nothing any more.
          if (life.open.delete(fail) && this.#server === life) deliver(act);
        };
        life.transport.call(method, request, { signal: inner.signal, ...(metadata && { metadata }) }).then(
          (response) => answered(() => settle(() => resolve(response))),
          (error: unknown) => answered(() => settle(() => reject(error))),
        );
      };
      const later = (ms: number, run: () => void): void => void this.#clock.setDelay(ms, run);
      const atOnce = (act: () => void): void => act();
      switch (fault?.kind) {
        case undefined:
          return send(atOnce);
        case 'requestLost':
          return later(fault.delayMs, () => fail(unavailable('the request was lost')));
        case 'replyLost':
          return send(() => later(fault.delayMs, () => fail(unavailable('the reply was lost'))));
        case 'duplicate':
          later(fault.delayMs, () => void this.#server?.transport.call(method, request, metadata && { metadata }).catch(() => {}));
          return send(atOnce);
        case 'requestDelayed':
          return later(fault.delayMs, () => !settled && send(atOnce));
        case 'replyDelayed':
          return send((act) => later(fault.delayMs, act));
        case 'workerCrashInCall':
          if (fault.moment === 'before') return this.#events.workerDies(process, fault);
          return send(() => this.#events.workerDies(process, fault));
      }
    });
  }
}

function unavailable(message: string): RpcError {
  return new RpcError(Code.UNAVAILABLE, `${message}, as planned`);
}
