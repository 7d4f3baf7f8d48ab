/**
 * The ready tasks of one queue that have the same claim: first in, first out.
 *
 * Tasks are offered in the order in which they became ready, and then a line costs what a list costs. After a restart they are offered in
 * the order in which their machines are loaded: a task that became ready before one that is here already goes into a heap beside the list, so that
 * the oldest still goes first.
 */
import { Fifo } from './fifo.js';
import { Heap } from './heap.js';
import type { ReadyTask } from './ready-task.js';

export class TaskLine {
  readonly #inOrder = new Fifo<ReadyTask>();
  /** Those that came after one that became ready later. */
  #late: Heap<ReadyTask> | undefined;

  get size(): number {
    return this.#inOrder.size + (this.#late?.size ?? 0);
  }

  /** The task whose turn it is. */
  get first(): ReadyTask | undefined {
    const inOrder = this.#inOrder.first;
    const late = this.#late?.first;
    if (late === undefined) return inOrder;
    return inOrder !== undefined && inOrder.since <= late.since ? inOrder : late;
  }

  push(task: ReadyTask): void {
    task.line = this;
    const last = this.#inOrder.last;
    if (last === undefined || last.since <= task.since) task.place = this.#inOrder.push(task);
    else (this.#late ??= new Heap(isBefore)).push(task);
  }

  /** For a task that had its turn and could not use it. */
  unshift(task: ReadyTask): void {
    task.line = this;
    task.place = this.#inOrder.unshift(task);
  }

  /** The task must stand in this line. */
  remove(task: ReadyTask): void {
    task.line = undefined;
    if (task.place !== undefined) {
      this.#inOrder.remove(task.place);
      task.place = undefined;
    } else {
      this.#late?.remove(task);
      if (this.#late?.size === 0) this.#late = undefined;
    }
  }

  *[Symbol.iterator](): Generator<ReadyTask> {
    yield* this.#inOrder;
    if (this.#late !== undefined) yield* this.#late;
  }
}

/** Ties go by the order of arrival in the list; in the heap nobody can tell any more. */
const isBefore = (one: ReadyTask, other: ReadyTask): boolean => one.since < other.since;
