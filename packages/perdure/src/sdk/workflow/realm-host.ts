/**
 * The few things that the workflow realm cannot do by itself, handed in once when a realm is made.
 *
 * Each function takes and gives strings, numbers and bytes only, and none of them is reachable from user code: whoever holds a function
 * of the outside could reach the outside through its constructor. Outside of a realm (when this package is imported by ordinary code)
 * there is no host, and nothing here is used.
 */
import type { LogLevel } from '../common/logger.js';
import type { RecordMetric } from '../common/metrics.js';

export interface RealmHost {
  /** A slot whose value follows `await` and callbacks. Costs nothing until the first `run`. */
  createAsyncStorage<T>(): AsyncStorage<T>;
  utf8Length(text: string): number;
  /** `into` has the length that {@link utf8Length} gave. */
  utf8Write(text: string, into: Uint8Array): void;
  utf8Read(bytes: Uint8Array): string;
  /** `file:line:column` of the user's source for a position in the bundle. */
  mapPosition(line: number, column: number): string | undefined;
  log(level: LogLevel, message: string, attributes: Readonly<Record<string, unknown>>): void;
  /** False: lines at level DEBUG go nowhere. */
  readonly logsDebug?: boolean;
  /** Absent: nobody wants metrics. */
  readonly recordMetric?: RecordMetric | undefined;
  parseUrl(url: string, base: string | undefined): string | undefined;
  /** One part of a valid URL: `host`, `pathname`, …. With `value`: the URL after setting that part. */
  urlPart(url: string, part: string): string;
  withUrlPart(url: string, part: string, value: string): string;
}

export interface AsyncStorage<T> {
  run<R>(store: T, callback: () => R): R;
  getStore(): T | undefined;
}

let host: RealmHost | undefined;

export function installHost(installed: RealmHost): void {
  host = installed;
}

/** The host, or undefined outside of a realm. */
export function realmHost(): RealmHost | undefined {
  return host;
}
