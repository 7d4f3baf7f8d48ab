/**
 * What a server has said yes to, written down beside the machine and compared with it: whoever was told "done" relies on it. For tests only.
 *
 * An attempt and a workflow task end once, whoever repeats what. Signals stand in the history once each, in the order in which they were taken.
 */
import assert from 'node:assert/strict';
import type { HistoryEvent } from '../../../protocol/index.js';
import { numberOf } from './program-inputs.js';
import type { TestRun } from './test-run.js';

export class Promises {
  readonly #ended = new Set<string>();
  readonly #signals = new Map<TestRun, number[]>();
  readonly #requestIds = new Map<TestRun, Set<string>>();
  /** Run → event id at which its own life begins: what is before was copied by a reset. */
  readonly #forkedAt = new Map<TestRun, number>();

  /** Something that may end once has ended. */
  ended(what: string): void {
    assert.ok(!this.#ended.has(what), `${what.split(' ', 1)[0]} ends once`);
    this.#ended.add(what);
  }

  forked(run: TestRun, eventId: number): void {
    this.#forkedAt.set(run, eventId);
  }

  signalled(run: TestRun, number: number, requestId: string): void {
    const ids = this.#requestIds.get(run) ?? new Set();
    this.#requestIds.set(run, ids);
    // A run that a reset made may know the id from the run before it.
    if (ids.has(requestId) || (requestId === SAME && this.#forkedAt.has(run))) return;
    ids.add(requestId);
    this.#signals.set(run, [...(this.#signals.get(run) ?? []), number]);
  }

  prove(runs: Iterable<TestRun>): void {
    for (const run of runs) {
      const written = [...run.events(), ...run.live.buffer.flatMap(({ event }) => event ?? [])].flatMap(signalNumber);
      assert.equal(new Set(written).size, written.length, 'a signal is in the history once');
      const taken = this.#signals.get(run) ?? [];
      const mine = new Set(taken);
      assert.deepEqual(written.filter((number) => mine.has(number)), taken, 'signals are in the history as they were taken');
    }
  }
}

/** The request id that many signals share. */
export const SAME = 'same';

function signalNumber({ workflowExecutionSignaledEventAttributes: signaled }: HistoryEvent): number[] {
  return signaled?.input === undefined ? [] : [numberOf(signaled.input)];
}
