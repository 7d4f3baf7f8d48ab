/**
 * The tasks of one queue that wait for workers, and whose turn it is.
 *
 * A lower priority level goes before a higher one, always; within a level fairness keys share (`fair-level.ts`); within a key the oldest
 * task goes first. As long as every task has the usual priority there is one line and nothing else to look at: levels are set up by the
 * first task that has another one, and put away when the last such task has left.
 */
import { DEFAULT_PRIORITY_LEVEL, PRIORITY_LEVELS } from '../machines/machine.js';
import { FairLevel, type Sharing } from './fair-level.js';
import { KeyRates } from './key-rates.js';
import type { QueueSettings } from './queue-settings.js';
import type { ReadyTask } from './ready-task.js';
import { TaskLine } from './task-line.js';

/** Weights below this are taken for it. */
const LEAST_WEIGHT = 0.001;

export class ReadyTasks {
  #plain = new TaskLine();
  /** By level, from 1. Undefined while one line is enough. */
  #levels: (FairLevel | undefined)[] | undefined;
  #size = 0;
  /** How many tasks do not have the usual priority. */
  #ranked = 0;
  #sharing: Sharing;

  /** @param rememberedKeys how many fairness keys without tasks are remembered */
  constructor(rememberedKeys: number) {
    this.#sharing = { weightOf: (task) => weight(task, undefined), keyRates: undefined, rememberedKeys };
  }

  get size(): number {
    return this.#size;
  }

  /** What the queue's configuration says from now on. */
  configure(settings: QueueSettings | undefined): void {
    const { keyRates: before, rememberedKeys } = this.#sharing;
    const perSecond = settings?.keyTasksPerSecond;
    const keyRates = perSecond === undefined ? undefined : perSecond === before?.perSecond ? before : new KeyRates(perSecond, rememberedKeys);
    this.#sharing = { weightOf: (task) => weight(task, settings?.keyWeights), keyRates, rememberedKeys };
    if (keyRates !== undefined) this.#setUpLevels();
    for (const level of this.#levels ?? []) level?.release(this.#sharing);
    this.#putAwayLevels();
  }

  add(task: ReadyTask, end: 'front' | 'back'): void {
    this.#size += 1;
    if (task.priority !== undefined) this.#ranked += 1;
    if (this.#levels === undefined && task.priority === undefined) {
      if (end === 'back') this.#plain.push(task);
      else this.#plain.unshift(task);
    } else this.#level(task).add(task, end, this.#sharing);
  }

  /** The task must wait here. */
  remove(task: ReadyTask): void {
    if (this.#levels === undefined) this.#plain.remove(task);
    else this.#level(task).remove(task, this.#sharing);
    this.#left(task);
  }

  /** The task whose turn it is. Undefined: there is none, or every key is held back by its rate. */
  next(monotonic: number): ReadyTask | undefined {
    if (this.#levels === undefined) return this.#plain.first;
    for (const level of this.#levels) {
      const task = level?.next(monotonic, this.#sharing);
      if (task !== undefined) return task;
    }
    return undefined;
  }

  /** Takes out the task that `next` named. */
  take(task: ReadyTask): void {
    if (this.#levels === undefined) this.#plain.remove(task);
    else this.#level(task).take(task, this.#sharing);
    this.#left(task);
  }

  /** A task that was taken out is dispatched: its key's rate counts it. */
  dispatched(task: ReadyTask, monotonic: number): void {
    this.#sharing.keyRates?.count(task.priority?.fairnessKey ?? '', this.#sharing.weightOf(task), monotonic);
  }

  /** While `next` has none although there are tasks: when there will be one, on the monotonic clock. May be infinite. */
  get heldUntil(): number {
    let until = Number.POSITIVE_INFINITY;
    for (const level of this.#levels ?? []) if (level !== undefined) until = Math.min(until, level.heldUntil);
    return until;
  }

  /** Since when the tasks wait whose turn it is next: by and large the oldest. In constant time; undefined if none waits. */
  get nextSince(): number | undefined {
    if (this.#levels === undefined) return this.#plain.first?.since;
    let since = Number.POSITIVE_INFINITY;
    for (const level of this.#levels) if (level !== undefined && level.size > 0) since = Math.min(since, level.nextSince);
    return since === Number.POSITIVE_INFINITY ? undefined : since;
  }

  /** What waits on each level, and since when. Looks at every key. */
  levels(): Map<number, { readonly count: number; readonly oldestSince: number }> {
    const levels = new Map<number, { count: number; oldestSince: number }>();
    for (const [level, line] of this.#lines()) {
      const known = levels.get(level) ?? { count: 0, oldestSince: Number.POSITIVE_INFINITY };
      known.count += line.size;
      known.oldestSince = Math.min(known.oldestSince, line.first?.since ?? Number.POSITIVE_INFINITY);
      levels.set(level, known);
    }
    return levels;
  }

  /** In no order. A task may leave meanwhile. */
  *[Symbol.iterator](): Generator<ReadyTask> {
    for (const [, line] of [...this.#lines()]) yield* [...line];
  }

  *#lines(): Generator<[level: number, line: TaskLine]> {
    if (this.#plain.size > 0) yield [DEFAULT_PRIORITY_LEVEL, this.#plain];
    for (const [index, level] of (this.#levels ?? []).entries()) if (level !== undefined) for (const line of level.lines()) yield [index + 1, line];
  }

  #level(task: ReadyTask): FairLevel {
    const levels = this.#levels ?? this.#setUpLevels();
    const index = (task.priority?.level ?? DEFAULT_PRIORITY_LEVEL) - 1;
    return (levels[index] ??= new FairLevel());
  }

  #setUpLevels(): (FairLevel | undefined)[] {
    if (this.#levels !== undefined) return this.#levels;
    const levels = Array.from({ length: PRIORITY_LEVELS }, (): FairLevel | undefined => undefined);
    if (this.#plain.size > 0) {
      const level = new FairLevel();
      level.adopt('', this.#plain, this.#sharing);
      levels[DEFAULT_PRIORITY_LEVEL - 1] = level;
      this.#plain = new TaskLine();
    }
    return (this.#levels = levels);
  }

  #left(task: ReadyTask): void {
    this.#size -= 1;
    if (task.priority === undefined) return;
    this.#ranked -= 1;
    if (this.#ranked === 0) this.#putAwayLevels();
  }

  #putAwayLevels(): void {
    if (this.#levels === undefined || this.#ranked > 0 || this.#sharing.keyRates !== undefined) return;
    this.#plain = this.#levels[DEFAULT_PRIORITY_LEVEL - 1]?.line('') ?? this.#plain;
    this.#levels = undefined;
  }
}

function weight(task: ReadyTask, overrides: ReadonlyMap<string, number> | undefined): number {
  const asked = overrides?.get(task.priority?.fairnessKey ?? '') ?? task.priority?.weight ?? 1;
  return Math.max(LEAST_WEIGHT, asked);
}
