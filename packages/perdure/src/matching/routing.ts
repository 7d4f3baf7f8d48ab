/**
 * Which version of a worker deployment gets a task: the routing of each task queue, and what it says about a task.
 *
 * A deployment names a current version and perhaps a ramping one, which gets a share of the executions. An execution belongs to the share or
 * not by a hash of its id, so that all its tasks go the same way while the share stays the same, and a growing share only adds to it.
 * Whoever keeps the deployments tells {@link Matching} the routing of each queue; a queue without one is for workers without a version.
 * Each version of a queue is a queue of its own. While no queue is routed, nothing here is looked up.
 */
import type { RoutingTarget, TaskQueueAddress } from '../machines/machine.js';
import { queueId } from './task-queue.js';

export interface QueueRouting {
  readonly current: RoutingTarget;
  /** Gets its share in the place of the current one. */
  readonly ramping?: (RoutingTarget & { readonly percentage: number }) | undefined;
  /** The versions whose workers have polled the queue, `deployment:build`. */
  readonly versions: ReadonlySet<string>;
}

/** In the place of an id: the task goes to the ramping version, however small its share is, if there is one. */
export const TO_RAMPING = Symbol('to the ramping version');

/** The id of the execution that a task belongs to, or {@link TO_RAMPING}. */
export type RoutingKey = string | typeof TO_RAMPING;

export function targetOf({ current, ramping }: QueueRouting, key: RoutingKey): RoutingTarget {
  if (key === TO_RAMPING) return ramping ?? current;
  return ramping !== undefined && shareOf(key) < ramping.percentage ? ramping : current;
}

/** A number from 0 to 100, 100 left out, that is the same for the same key, always: it outlives restarts and versions of this program. */
export function shareOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  // Ids that differ in their last character only must not end up beside each other.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32) * 100;
}

export class Routings {
  /** By the id of the queue without a version. */
  readonly #byQueue = new Map<string, QueueRouting>();

  get size(): number {
    return this.#byQueue.size;
  }

  get(address: TaskQueueAddress): QueueRouting | undefined {
    return this.#byQueue.size === 0 ? undefined : this.#byQueue.get(queueId(withVersion(address, undefined)));
  }

  set(address: TaskQueueAddress, routing: QueueRouting | undefined): void {
    const id = queueId(withVersion(address, undefined));
    if (routing === undefined) this.#byQueue.delete(id);
    else this.#byQueue.set(id, routing);
  }

  /** Where the routing of this queue leads. Undefined: it has none. */
  target(address: TaskQueueAddress, key: RoutingKey): RoutingTarget | undefined {
    const routing = this.get(address);
    return routing && targetOf(routing, key);
  }

  /**
   * The queue on which a task waits. What is bound to a version waits for that; but an activity goes the usual way if workers of that version
   * do not poll its queue, because such a queue belongs to somebody else.
   */
  resolve(address: TaskQueueAddress, key: RoutingKey): TaskQueueAddress {
    if (this.#byQueue.size === 0 && address.version === undefined) return address;
    const routing = this.get(address);
    if (address.version !== undefined && (address.type === 'workflow' || routing?.versions.has(address.version) === true)) return address;
    return withVersion(address, routing && targetOf(routing, key).version);
  }

  /** The queue without a version, and those of all versions that it has, that this one leads to, or that the other routing names. */
  *family(address: TaskQueueAddress, other?: QueueRouting | undefined): Generator<TaskQueueAddress, void, undefined> {
    yield withVersion(address, undefined);
    const routing = this.get(address);
    const versions = new Set<string | undefined>();
    for (const each of [routing, other]) {
      if (each === undefined) continue;
      for (const version of each.versions) versions.add(version);
      versions.add(each.current.version).add(each.ramping?.version);
    }
    for (const version of versions) if (version !== undefined) yield withVersion(address, version);
  }
}

export function withVersion(address: TaskQueueAddress, version: string | undefined): TaskQueueAddress {
  if (address.version === version) return address;
  const { namespace, name, type } = address;
  return version === undefined ? { namespace, name, type } : { namespace, name, type, version };
}
