/** Priority and fairness of tasks. */
import type { Init, Priority as WirePriority } from '../../protocol/index.js';

/** In which order waiting tasks of one queue are handed out. Unset fields are inherited from the calling workflow. */
export interface Priority {
  /** 1 is first. Default: the middle, 3 of 5. */
  priorityKey?: number;
  /** Tasks with different keys get turns, for example one key per tenant. At most 64 bytes. */
  fairnessKey?: string;
  /** Share of turns of this key, 0.001 to 1000. Default 1. */
  fairnessWeight?: number;
}

export function compilePriority(priority: Priority): Init<WirePriority> {
  return { ...priority };
}

/** A zero or empty field was unset. */
export function decodePriority(priority: WirePriority | undefined): Priority {
  return {
    ...(priority?.priorityKey ? { priorityKey: priority.priorityKey } : {}),
    ...(priority?.fairnessKey ? { fairnessKey: priority.fairnessKey } : {}),
    ...(priority?.fairnessWeight ? { fairnessWeight: priority.fairnessWeight } : {}),
  };
}
