/**
 * Sinks: calls from workflow code to functions of the worker that give nothing back, for metrics, traces, exports.
 *
 * A call only notes what is to be called. The worker makes the calls after the activation, in order, and whatever comes of them cannot
 * reach the workflow; so sinks do not break determinism. Arguments are copied at the call: what the code changes later does not show.
 */
import { currentRun } from './current-run.js';
import { structuredClone } from './globals/structured-clone.js';
import type { WorkflowInfo } from './info.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- `unknown[]` as parameters would refuse every function with typed parameters. */
/** Must not give anything back. */
export type SinkFunction = (...args: any[]) => void;
/* eslint-enable @typescript-eslint/no-explicit-any */
/** Functions by name. */
export type Sink = Record<string, SinkFunction>;
/** Sinks by name. */
export type Sinks = Record<string, Sink>;

/** One call that the worker is to make. */
export interface SinkCall {
  readonly ifaceName: string;
  readonly fnName: string;
  readonly args: readonly unknown[];
  /** As of the call. */
  readonly workflowInfo: WorkflowInfo;
  /** True if it happened before: history is being repeated. False in query handlers and validators. */
  readonly isReplaying: boolean;
}

/** Calls of one activation that wait for its end. Code that makes more is in a loop. */
const MOST_CALLS = 100_000;

/**
 * The sinks that the worker was given under the same names (option `sinks`).
 *
 * @example
 * interface Meters extends Sinks { orders: { counted(kind: string): void } }
 * const { orders } = proxySinks<Meters>();
 * orders.counted('express');
 */
export function proxySinks<T extends Sinks>(): T {
  const byName = (make: (name: string) => unknown): object => new Proxy({}, { get: (_, name) => (typeof name === 'string' ? make(name) : undefined) });
  return byName((ifaceName) => byName((fnName) => (...args: unknown[]) => note(ifaceName, fnName, args))) as T;
}

function note(ifaceName: string, fnName: string, args: readonly unknown[]): void {
  const run = currentRun(`Sink ${ifaceName}.${fnName}`);
  if (run.sinkCalls.length >= MOST_CALLS) throw new RangeError(`More than ${MOST_CALLS} calls of sinks in one workflow task: is ${ifaceName}.${fnName} called in a loop?`);
  const { isReplayingHistoryEvents, isReplaying, now, random } = run.info.snapshot().unsafe;
  // The flags change as the run goes on; the call keeps those of its time.
  const workflowInfo = { ...run.info.snapshot(), unsafe: { isReplayingHistoryEvents, isReplaying, now, random } };
  run.sinkCalls.push({ ifaceName, fnName, args: structuredClone(args), workflowInfo, isReplaying: isReplayingHistoryEvents });
}
