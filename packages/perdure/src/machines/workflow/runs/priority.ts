/** Priorities: what an activity does not say about its own it takes over from its run, field by field. */
import { Priority } from '../../../protocol/index.js';
import type { Encoded } from '../../../protocol/index.js';

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
