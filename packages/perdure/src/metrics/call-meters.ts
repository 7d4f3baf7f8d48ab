/** What is counted of each RPC, however it came: how many are under way, how they ended, how long they took. */
import { Histogram } from './instruments.js';

/** Seconds. Polls wait up to a minute, and are calls like others. */
export const CALL_SECONDS: readonly number[] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** gRPC's codes are 0 to 16. */
const CODES = 17;

class CallMeter {
  inFlight = 0;
  /** By code. */
  readonly ended = new Float64Array(CODES);
  readonly seconds = new Histogram(CALL_SECONDS);

  /** @param ms how long it took */
  end(code: number, ms: number): void {
    this.inFlight -= 1;
    if (code < CODES) this.ended[code] = (this.ended[code] as number) + 1;
    this.seconds.observe(ms / 1000);
  }
}

export class CallMeters {
  readonly #byMethod = new Map<string, CallMeter>();

  /** @param method a method that the server serves: never a name that a caller made up */
  of(method: string): CallMeter {
    let meter = this.#byMethod.get(method);
    if (meter === undefined) this.#byMethod.set(method, (meter = new CallMeter()));
    return meter;
  }

  entries(): IterableIterator<[method: string, meter: CallMeter]> {
    return this.#byMethod.entries();
  }
}
