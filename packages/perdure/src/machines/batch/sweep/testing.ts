/**
 * A machine that is nothing but a sweep, and a host in small for it: messages are delivered, answered, lost and delivered again as the test
 * says. After every transition the fold of its records equals its live state, and every debt that changed was touched.
 */
import assert from 'node:assert/strict';
import { RpcError, SweepEvent, SweepState } from '../../../protocol/index.js';
import type { Init } from '../../../protocol/index.js';
import type { Debt, DebtKey, MessageAnswer } from '../../machine.js';
import type { ExecutionsPage, PageRequest } from './page.js';
import { EXECUTIONS_PAGE_KIND } from './page.js';
import { advanceSweep, applySweep, isSwept, sweepDebt, sweepDebtKeys, takeSweepAnswers, type SweepWalk } from './sweep.js';

export class TestSweep {
  now = 1_000_000;
  state = SweepState.create({});
  /** How often each execution has been sent its message. */
  readonly sent = new Map<string, number>();
  /** Answers of executions that do not succeed. */
  readonly refusals = new Map<string, RpcError>();
  pagesRead = 0;
  mostUnderWay = 0;
  recordBytes = 0;
  readonly walk: SweepWalk;
  readonly #executions: readonly string[];
  #folded = SweepState.create({});
  #books = new Map<DebtKey, string>();

  constructor(executions: readonly string[], { window = 10, perSecond = 0, limit = 7 }: { window?: number; perSecond?: number; limit?: number } = {}) {
    this.#executions = executions;
    this.walk = {
      query: { namespace: 'n', kind: 'workflow', query: 'x', nowMs: 0, order: 'created', limit },
      message: ({ key, machine }) => ({ to: { kind: 'workflow', namespace: 'n', key, machine }, input: key }),
      outcome: (reply) => (reply instanceof RpcError ? 'failed' : 'done'),
      window,
      perSecond,
    };
    this.decide(() => {});
  }

  get isSwept(): boolean {
    return isSwept(this.state);
  }

  /** One transition: events are applied live and folded from their bytes, and the books are compared. */
  decide(input: (emit: (event: Init<SweepEvent>) => void) => void): void {
    const touched = new Set<DebtKey>();
    const emit = (event: Init<SweepEvent>): void => {
      const bytes = SweepEvent.encode(event);
      this.recordBytes += bytes.byteLength;
      applySweep(this.state, event, (key) => touched.add(key));
      applySweep(this.#folded, SweepEvent.decode(bytes), () => {});
    };
    input(emit);
    if (!this.isSwept) advanceSweep(this.state, this.walk, this.now, emit);
    assert.deepEqual(this.#folded, this.state, 'the fold is the live state');
    assert.deepEqual(SweepState.decode(SweepState.encode(this.state)), this.state, 'so is what a snapshot gives back');
    this.#checkBooks(touched);
  }

  /** The messages that are owed now, in order. */
  owed(): { readonly key: DebtKey; readonly message: NonNullable<Debt['message']> }[] {
    return [...sweepDebtKeys(this.state)].flatMap((key) => {
      const message = sweepDebt(this.state, this.walk, key)?.message;
      return message === undefined ? [] : [{ key, message }];
    });
  }

  /** Delivers a message to its receiver, which answers. The answer is not told yet. */
  answerTo({ key, message }: { readonly key: DebtKey; readonly message: NonNullable<Debt['message']> }): MessageAnswer {
    if (message.to.kind === EXECUTIONS_PAGE_KIND) return { key, reply: this.#page(message.input as PageRequest) };
    const name = String(message.input);
    this.sent.set(name, (this.sent.get(name) ?? 0) + 1);
    return { key, reply: this.refusals.get(name) ?? { kind: 'done' } };
  }

  tell(answers: readonly MessageAnswer[]): void {
    this.decide((emit) => takeSweepAnswers(this.state, this.walk, answers, emit));
  }

  /** Delivers and answers everything, and lets time pass, until it is through. */
  run(mostTurns = 10_000): void {
    for (let turn = 0; turn < mostTurns && !this.isSwept; turn++) {
      const owed = this.owed();
      if (owed.length > 0) this.tell(owed.map((one) => this.answerTo(one)));
      else this.wake();
    }
  }

  wake(): void {
    const wakes = [...sweepDebtKeys(this.state)].flatMap((key) => sweepDebt(this.state, this.walk, key)?.wakeAt ?? []);
    assert.ok(wakes.length > 0, 'it waits for something');
    this.now = Math.max(this.now, Math.min(...wakes));
    this.decide(() => {});
  }

  #page({ query, after }: PageRequest): ExecutionsPage {
    this.pagesRead += 1;
    const from = after === '' ? 0 : Number(after);
    const keys = this.#executions.slice(from, from + query.limit);
    const next = from + query.limit < this.#executions.length ? String(from + query.limit) : undefined;
    return { executions: keys.map((key) => ({ key, machine: `run of ${key}` })), next };
  }

  #checkBooks(touched: ReadonlySet<DebtKey>): void {
    const books = new Map<DebtKey, string>();
    for (const key of sweepDebtKeys(this.state)) {
      const debt = sweepDebt(this.state, this.walk, key);
      if (debt !== undefined) books.set(key, JSON.stringify(debt));
    }
    for (const key of new Set([...books.keys(), ...this.#books.keys()])) {
      if (books.get(key) !== this.#books.get(key)) assert.ok(touched.has(key) || this.#books.size === 0, `what is owed under ${key} changed, and it was not touched`);
    }
    const underWay = [...books.keys()].filter((key) => key.startsWith('sweep:')).length;
    this.mostUnderWay = Math.max(this.mostUnderWay, underWay);
    this.#books = books;
  }
}
