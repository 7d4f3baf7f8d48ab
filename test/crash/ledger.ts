/** What the workers wrote of each execution of an activity, against what the histories say. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { Payloads, type HistoryEvent } from '#perdure/protocol/index';

export class Ledger {
  /** Executions by key. */
  readonly #executions = new Map<string, number>();
  /** Attempts of activities on task queues, by run, activity and number. */
  readonly #attempts = new Map<string, number>();

  constructor(readonly filename: string) {
    fs.writeFileSync(filename, '');
  }

  get size(): number {
    return this.#executions.size;
  }

  /** Grows with each execution. */
  get bytes(): number {
    return fs.statSync(this.filename).size;
  }

  /** So far. */
  get executions(): number {
    return fs.readFileSync(this.filename, 'utf8').split('\n').length - 1;
  }

  read(): void {
    for (const line of fs.readFileSync(this.filename, 'utf8').split('\n').filter(Boolean)) {
      const [, kind, key, attempt] = /^(\w+) (.+) (\S+)$/.exec(line) ?? [];
      assert.ok(kind !== undefined && key !== undefined && attempt !== undefined, line);
      this.#executions.set(key, (this.#executions.get(key) ?? 0) + 1);
      if (kind === 'remote') this.#attempts.set(attempt, (this.#attempts.get(attempt) ?? 0) + 1);
    }
  }

  /** An attempt is handed out at most once. That of a local activity belongs to its workflow task, and is repeated with it. */
  checkAttempts(): void {
    for (const [attempt, times] of this.#attempts) assert.equal(times, 1, `the attempt ${attempt} was handed out ${times} times`);
  }

  /** What a history says was done was done. */
  checkHistory(events: readonly HistoryEvent[]): void {
    for (const { activityTaskCompletedEventAttributes: completed } of events) {
      if (completed?.result === undefined) continue;
      const [payload] = Payloads.decode(completed.result).payloads;
      const key = String(JSON.parse(Buffer.from(payload?.data ?? []).toString()));
      assert.ok(this.#executions.has(key), `${key} is completed, and was never executed`);
    }
  }
}
