/** What the events around a workflow task tell of it, beside the jobs: its patches, the worker that completed it, a new seed after a reset. */
import { EventType, WorkflowTaskFailedCause, type HistoryEvent } from '../../protocol/index.js';
import type { WorkerVersion } from '../workflow/activation.js';
import { isCommandEvent } from './command-queue.js';
import { patchOf } from './machines/record.js';

/** Names of the patches whose markers are among the events: the code of the task before must know them. */
export function patchesIn(events: readonly HistoryEvent[], from: number, to: number): string[] {
  const patches: string[] = [];
  for (let index = from; index <= to; index++) {
    const event = events[index]!;
    // Command events come right after WorkflowTaskCompleted.
    if (event.eventType !== EventType.WORKFLOW_TASK_COMPLETED && !isCommandEvent(event)) break;
    const patch = patchOf(event);
    if (patch !== undefined) patches.push(patch.id);
  }
  return patches;
}

/** The worker that completed a task, by its WorkflowTaskCompleted. */
export function versionIn(event: HistoryEvent | undefined): WorkerVersion {
  const completed = event?.workflowTaskCompletedEventAttributes;
  const deployment = completed?.deploymentVersion;
  return { buildId: deployment?.buildId || completed?.workerVersion?.buildId || undefined, deployment: deployment && { ...deployment } };
}

/** After a reset, chance starts over: otherwise the new run would repeat the old one's ids. */
export function resetSeed(event: HistoryEvent): string | undefined {
  const failed = event.workflowTaskFailedEventAttributes;
  return failed?.cause === WorkflowTaskFailedCause.RESET_WORKFLOW ? failed.newRunId : undefined;
}
