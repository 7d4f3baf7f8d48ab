/** RECORD_MARKER → MarkerRecorded. The server keeps nothing of a marker but its event: what it says is between the SDK and its replay. */
import { EventType, WorkflowTaskFailedCause } from '../../protocol/index.js';
import type { Command } from '../../protocol/index.js';
import { commandExtras, idProblem } from './tasks/command-plan.js';
import type { CommandFault, CommandPlan } from './tasks/command-plan.js';

export function planRecordMarker(plan: CommandPlan, command: Command): CommandFault | undefined {
  const cause = WorkflowTaskFailedCause.BAD_RECORD_MARKER_ATTRIBUTES;
  const marker = command.recordMarkerCommandAttributes;
  const problem = idProblem('marker name', marker?.markerName, plan.limits);
  if (marker === undefined || problem !== undefined) return { cause, message: problem ?? 'the attributes are not set' };
  let size = marker.failure?.byteLength ?? 0;
  for (const [key, value] of marker.details) size += key.length + value.byteLength;
  if (size > plan.limits.blobSizeBytes) {
    return { cause, message: `marker ${marker.markerName} holds ${size} bytes: the limit is ${plan.limits.blobSizeBytes}`, terminates: true };
  }
  const { markerName, details, header, failure } = marker;
  plan.steps.push(({ draft, completedEventId }) => {
    draft.emit(
      EventType.MARKER_RECORDED,
      { markerRecordedEventAttributes: { markerName, details, header, failure, workflowTaskCompletedEventId: completedEventId } },
      commandExtras(command),
    );
  });
  return undefined;
}
