/**
 * A sweep: walk what a list query finds, page by page, and send each found execution a message; at most so many at a time, at most so many
 * a second, and go on after a crash where it was, without doing anything twice.
 *
 * It is no machine but a part of one: the batch job embeds it, and so can whatever else works on very many executions. The machine keeps a `SweepState` in its snapshot and writes
 * the `SweepEvent`s that this file hands it into its own records; everything else is derived.
 *
 * ```ts
 * const walk: SweepWalk = { query, message: (target) => …, outcome: (reply) => 'done', window: 100, perSecond: 0 };
 *
 * // A transition. `emit` appends the event to the machine's record and calls `applySweep` on the live state, as the fold does.
 * takeSweepAnswers(state.sweep, walk, input.answers, emit);  // input `delivered`: ignores the answers to what is not the sweep's
 * advanceSweep(state.sweep, walk, now, emit);                // after every input, `wake` included
 * if (isSwept(state.sweep)) …                                // all found and all answered, or `problem` says why not
 *
 * // Debts.
 * *sweepDebtKeys(state.sweep); sweepDebt(state.sweep, walk, key);   // owe nothing from these once the sweep is given up
 * ```
 *
 * What it promises, and what it needs for that:
 * - *Each execution is sent its message once.* The state knows who has answered. A crash between an answer and its record sends the message
 *   again, so receivers must bear it: give it a request id that is made of the job and the run.
 * - *Each execution is found once.* Ask for the list in an order that what is done to an execution does not change: `order: 'created'`
 *   walks from the newest to the oldest, so what begins after the first page is never found.
 * - *The state is bounded* by one page and one window, however long the list is. Its journal is not: about 100 bytes for each execution.
 *   A machine that sweeps again and again has to begin anew as another one now and then (see `schedule/transition.ts`, `handOn`).
 * - *Others are not kept waiting.* What is sent together is decided together: choose a small window, and a rate.
 */
import { RpcError } from '../../../protocol/index.js';
import type { Init, SweepEvent, SweepState, SweepTarget } from '../../../protocol/index.js';
import type { Debt, DebtKey, MachineKey, MessageAnswer } from '../../machine.js';
import { EXECUTIONS_PAGE_KIND, type ExecutionsPage, type PageQuery } from './page.js';
import { pacedRelease, wakeForRate } from './pace.js';

/** What is walked, and what is sent. Made from the machine's state whenever it is needed: it must come out the same each time. */
export interface SweepWalk {
  /** The list. `undefined`: what was named with {@link namedTargets}, and no list. */
  readonly query: PageQuery | undefined;
  /** The message for one execution. */
  message(target: SweepTarget): { readonly to: MachineKey; readonly input: unknown };
  /** What its answer means: a refusal is an answer, and so is what a courier says. */
  outcome(reply: unknown): 'done' | 'failed';
  /** Executions that have been sent their message and have not answered, at most. */
  readonly window: number;
  /** Messages a second, at most; 0: as fast as they are answered. */
  readonly perSecond: number;
}

export type EmitSweep = (event: Init<SweepEvent>) => void;

/** An execution that is broken is asked so often, over some twenty seconds. Then it has failed: the others and the end of the sweep do not wait for it. */
const MOST_FAILURES = 9;

const PAGE = 'sweep-page:';
const TARGET = 'sweep:';
/** When the rate allows the next message. */
const PACE: DebtKey = 'sweep-pace';

const targetKey = (number: number): DebtKey => `${TARGET}${number}`;
const pageKey = ({ pages }: SweepState): DebtKey => `${PAGE}${pages}`;

/** All that was found has answered, and there is no more; or the list cannot be read. */
export function isSwept(sweep: SweepState): boolean {
  return sweep.problem !== '' || (sweep.exhausted && sweep.targets.length === 0);
}

/** A sweep of executions that are named one by one, instead of a list: emit it first. */
export function namedTargets(targets: readonly { readonly key: string; readonly machine: string }[]): Init<SweepEvent> {
  return { found: { targets: targets.map(({ key, machine }) => ({ key, machine })), after: '', exhausted: true } };
}

// ── decisions ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Answers that belong to the sweep; others are left alone. */
export function takeSweepAnswers(sweep: SweepState, walk: SweepWalk, answers: readonly MessageAnswer[], emit: EmitSweep): void {
  const done: number[] = [];
  const failed: number[] = [];
  for (const { key, reply } of answers) {
    if (key === pageKey(sweep) && wantsPage(sweep)) takePage(reply, emit);
    const target = releasedTarget(sweep, key);
    if (target !== undefined) (walk.outcome(reply) === 'done' ? done : failed).push(target.number);
  }
  if (done.length + failed.length > 0) emit({ answered: { done, failed } });
}

function takePage(reply: unknown, emit: EmitSweep): void {
  if (reply instanceof RpcError) return emit({ broken: { problem: reply.message } });
  const { executions, next } = reply as ExecutionsPage;
  emit({ found: { targets: executions.map(({ key, machine }) => ({ key, machine })), after: next ?? '', exhausted: next === undefined } });
}

/** Sends further messages, as many as window and rate allow. Call it after every input. */
export function advanceSweep(sweep: SweepState, walk: SweepWalk, now: number, emit: EmitSweep): void {
  const allowed = mayRelease(sweep, walk);
  if (allowed === 0) return;
  const { count, pacedMs } = pacedRelease(sweep.pacedMs, now, allowed, walk.perSecond);
  if (count > 0) emit({ released: { through: sweep.released + count, pacedMs } });
}

/** By the window alone. */
function mayRelease({ found, released, targets }: SweepState, { window }: SweepWalk): number {
  const waiting = found - released;
  return Math.max(0, Math.min(waiting, window - (targets.length - waiting)));
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Live and in a fold the same. `touch` hears of every key whose debt may have changed. */
export function applySweep(sweep: SweepState, event: Init<SweepEvent>, touch: (key: DebtKey) => void): void {
  const { found, released, answered, broken } = event;
  touch(PACE);
  touch(pageKey(sweep));
  if (found !== undefined) {
    for (const { key = '', machine = '' } of found.targets ?? []) sweep.targets.push({ number: ++sweep.found, key, machine });
    sweep.after = found.after ?? '';
    sweep.exhausted = found.exhausted ?? false;
    sweep.pages += 1;
  } else if (released !== undefined) {
    const before = sweep.released;
    sweep.released = released.through ?? 0;
    sweep.pacedMs = released.pacedMs ?? 0;
    for (let number = before + 1; number <= sweep.released; number++) touch(targetKey(number));
  } else if (answered !== undefined) {
    const { done = [], failed = [] } = answered;
    const gone = new Set([...done, ...failed]);
    sweep.targets = sweep.targets.filter(({ number }) => !gone.has(number));
    sweep.done += done.length;
    sweep.failed += failed.length;
    for (const number of gone) touch(targetKey(number));
  } else if (broken !== undefined) {
    sweep.problem = broken.problem ?? '';
    touchSweep(sweep, touch);
  } else throw new Error('broken record: an event of a sweep has a type that this version does not know');
  touch(pageKey(sweep));
}

/** Every key that a sweep may owe: for the event that ends it early. */
export function touchSweep(sweep: SweepState, touch: (key: DebtKey) => void): void {
  for (const key of sweepDebtKeys(sweep)) touch(key);
}

// ── debts ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function* sweepDebtKeys(sweep: SweepState): Iterable<DebtKey> {
  yield PACE;
  yield pageKey(sweep);
  for (const { number } of sweep.targets) {
    if (number > sweep.released) return;
    yield targetKey(number);
  }
}

/** `undefined` for keys that are not the sweep's. */
export function sweepDebt(sweep: SweepState, walk: SweepWalk, key: DebtKey): Debt | undefined {
  if (sweep.problem !== '') return undefined;
  if (key === PACE) return paceDebt(sweep, walk);
  if (key === pageKey(sweep)) return pageDebt(sweep, walk);
  const target = releasedTarget(sweep, key);
  return target && { message: { ...walk.message(target), mostFailures: MOST_FAILURES } };
}

function paceDebt(sweep: SweepState, walk: SweepWalk): Debt | undefined {
  const allowed = mayRelease(sweep, walk);
  return allowed === 0 ? undefined : { wakeAt: wakeForRate(sweep.pacedMs, allowed, walk.perSecond) };
}

function pageDebt(sweep: SweepState, { query }: SweepWalk): Debt | undefined {
  if (query === undefined || !wantsPage(sweep)) return undefined;
  const { namespace } = query;
  return { message: { to: { kind: EXECUTIONS_PAGE_KIND, namespace, key: query.kind }, input: { query, after: sweep.after } } };
}

/** The next page is asked for when every message of this one has been sent: while they are answered, it is read. */
function wantsPage({ exhausted, released, found, problem }: SweepState): boolean {
  return problem === '' && !exhausted && released === found;
}

/** Targets are in the order of their numbers, with gaps. */
function releasedTarget({ targets, released }: SweepState, key: DebtKey): SweepTarget | undefined {
  if (!key.startsWith(TARGET)) return undefined;
  const number = Number(key.slice(TARGET.length));
  if (number > released) return undefined;
  let low = 0;
  let high = targets.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((targets[middle] as SweepTarget).number < number) low = middle + 1;
    else high = middle;
  }
  const found = targets[low];
  return found?.number === number ? found : undefined;
}

/** Roughly, for the host's cache bound. */
export function sweepBytes({ targets }: SweepState): number {
  return 300 + 250 * targets.length;
}
