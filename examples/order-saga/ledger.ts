/**
 * What really happened, in a file that outlives any crash: one JSON line per executed step, on disk before the step counts as done.
 *
 * It stands for the systems that an order changes, and it is the witness of the demo: a key that is `done` twice, or a line `repeated`
 * for a step whose completion the server had recorded, would mean that a completed step ran again.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';

export interface LedgerLine {
  /** The same for all attempts of a step. */
  readonly key: string;
  readonly step: string;
  readonly orderId: string;
  readonly attempt: number;
  /** `done`: took effect. `failed`: did not, may be tried again. `repeated`: came again after it was done; nothing happened. */
  readonly outcome: 'done' | 'failed' | 'repeated';
  /** What the step gave, or why it failed. */
  readonly result: string;
  readonly at: string;
  readonly processId: number;
}

export class Ledger {
  readonly #file: number;
  readonly #lines: LedgerLine[];
  readonly #done = new Map<string, LedgerLine>();

  constructor(path: string) {
    this.#lines = existsSync(path) ? readLedger(path) : [];
    for (const line of this.#lines) if (line.outcome === 'done') this.#done.set(line.key, line);
    this.#file = openSync(path, 'a');
  }

  get lines(): readonly LedgerLine[] {
    return this.#lines;
  }

  /** The line of a step that took effect. */
  find(orderId: string, step: string): LedgerLine | undefined {
    return this.#lines.find((line) => line.outcome === 'done' && line.orderId === orderId && line.step === step);
  }

  /** Runs the effect, unless this key is done: then it gives the result of that time. */
  once(entry: Pick<LedgerLine, 'key' | 'step' | 'orderId' | 'attempt'>, effect: () => string): string {
    const before = this.#done.get(entry.key);
    if (before !== undefined) return this.#write({ ...entry, outcome: 'repeated', result: before.result });
    try {
      return this.#write({ ...entry, outcome: 'done', result: effect() });
    } catch (error) {
      this.#write({ ...entry, outcome: 'failed', result: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(entry: Omit<LedgerLine, 'at' | 'processId'>): string {
    const line: LedgerLine = { ...entry, at: new Date().toISOString(), processId: process.pid };
    writeSync(this.#file, `${JSON.stringify(line)}\n`);
    fsyncSync(this.#file);
    this.#lines.push(line);
    if (line.outcome === 'done') this.#done.set(line.key, line);
    return line.result;
  }
}

export function readLedger(path: string): LedgerLine[] {
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as LedgerLine);
}
