/** Priorities: what an activity does not say about its own it takes over from its run, field by field. And what they mean for a task. */
import { Priority } from '../../../protocol/index.js';
import type { Encoded } from '../../../protocol/index.js';
import { DEFAULT_PRIORITY_LEVEL, PRIORITY_LEVELS, type TaskPriority } from '../../machine.js';

export function inheritPriority(own: Encoded<Priority> | undefined, ofRun: Encoded<Priority> | undefined): Encoded<Priority> | undefined {
  if (own === undefined || own.byteLength === 0) return ofRun ?? own;
  if (ofRun === undefined || ofRun.byteLength === 0) return own;
  const { priorityKey, fairnessKey, fairnessWeight } = Priority.decode(own);
  const inherited = Priority.decode(ofRun);
  return Priority.encode({
    priorityKey: priorityKey || inherited.priorityKey,
    fairnessKey: fairnessKey || inherited.fairnessKey,
    fairnessWeight: fairnessWeight || inherited.fairnessWeight,
  });
}

/** What the queue makes of it: undefined for the usual priority. A level beyond the last one means the last one. */
export function taskPriority(encoded: Encoded<Priority> | undefined): TaskPriority | undefined {
  if (encoded === undefined || encoded.byteLength === 0) return undefined;
  const { priorityKey, fairnessKey, fairnessWeight } = Priority.decode(encoded);
  const level = priorityKey > 0 ? Math.min(priorityKey, PRIORITY_LEVELS) : DEFAULT_PRIORITY_LEVEL;
  const weight = fairnessWeight > 0 ? fairnessWeight : 1;
  return level === DEFAULT_PRIORITY_LEVEL && fairnessKey === '' && weight === 1 ? undefined : { level, fairnessKey, weight };
}
