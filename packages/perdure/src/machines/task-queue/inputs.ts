/** What the configuration of a task queue can be told. An update is answered with the configuration as it is afterwards, or refused. */
import type { MachineKey } from '../machine.js';
import type { TaskQueueConfig } from '../../protocol/index.js';

export const TASK_QUEUE_KIND = 'task-queue';

/** The types of task queues that can be configured. */
export type TaskQueueType = 'workflow' | 'activity';

/** A limit in tasks a second, with the reason that operators read; without a rate the limit is taken away. */
export interface RateChange {
  readonly perSecond: number | undefined;
  readonly reason: string;
}

/** What is left out stays. */
export interface TaskQueueChanges {
  readonly queueRate?: RateChange | undefined;
  readonly keyRate?: RateChange | undefined;
  readonly setWeights: ReadonlyMap<string, number>;
  readonly unsetWeights: readonly string[];
}

export type TaskQueueInput =
  /** UpdateTaskQueueConfig. The first one makes the machine. */
  | { readonly type: 'update'; readonly changes: TaskQueueChanges; readonly identity: string; readonly mostWeights: number }
  /** Internal: comes only as the successor of the first `update`. */
  | { readonly type: 'create'; readonly changes: TaskQueueChanges; readonly identity: string; readonly mostWeights: number }
  /** Its namespace is deleted. */
  | { readonly type: 'delete' };

/** What is configured for one task queue. */
export interface ConfiguredQueue {
  readonly name: string;
  readonly type: TaskQueueType;
  readonly config: TaskQueueConfig;
}

/** @param namespace its id */
export function taskQueueKey(namespace: string, name: string, type: TaskQueueType): MachineKey {
  return { kind: TASK_QUEUE_KIND, namespace, key: `${type}/${name}` };
}
