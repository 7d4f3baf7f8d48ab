/** Rows of the table that no scenario can exercise, each with its reason. What is neither here nor covered shows as "not covered". */
import type { Row } from './rows.js';

const NEXUS = 'Nexus is not implemented';
const NEVER_WRITTEN = 'Temporal’s server never writes it';

export const GAPS: Partial<Record<Row, string>> = {
  'command:SCHEDULE_NEXUS_OPERATION': NEXUS,
  'command:REQUEST_CANCEL_NEXUS_OPERATION': NEXUS,
  'event:NEXUS_OPERATION_SCHEDULED': NEXUS,
  'event:NEXUS_OPERATION_STARTED': NEXUS,
  'event:NEXUS_OPERATION_COMPLETED': NEXUS,
  'event:NEXUS_OPERATION_FAILED': NEXUS,
  'event:NEXUS_OPERATION_CANCELED': NEXUS,
  'event:NEXUS_OPERATION_TIMED_OUT': NEXUS,
  'event:NEXUS_OPERATION_CANCEL_REQUESTED': NEXUS,
  'event:NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED': NEXUS,
  'event:NEXUS_OPERATION_CANCEL_REQUEST_FAILED': NEXUS,
  'cause:workflowTask.WORKFLOW_PAUSE_REQUESTED_BEFORE_TASK_STARTED': 'written before the task has started, which SDKs cannot replay: a paused run keeps its task waiting',
  'event:WORKFLOW_EXECUTION_UPDATE_REJECTED': NEVER_WRITTEN,
  'event:WORKFLOW_PROPERTIES_MODIFIED_EXTERNALLY': NEVER_WRITTEN,
  'event:ACTIVITY_PROPERTIES_MODIFIED_EXTERNALLY': NEVER_WRITTEN,
  'cause:workflowTask.BAD_SCHEDULE_NEXUS_OPERATION_ATTRIBUTES': NEXUS,
  'cause:workflowTask.BAD_REQUEST_CANCEL_NEXUS_OPERATION_ATTRIBUTES': NEXUS,
  'cause:workflowTask.PENDING_NEXUS_OPERATIONS_LIMIT_EXCEEDED': NEXUS,
  'rpc:PollNexusTaskQueue': 'Nexus is not implemented: a poll waits and comes back empty',
  'cause:workflowTask.FAILOVER_CLOSE_COMMAND': 'clusters that fail over to each other are not implemented',
  'cause:workflowTask.FEATURE_DISABLED': 'nothing that a command asks for can be switched off',
  'cause:workflowTask.GRPC_MESSAGE_TOO_LARGE': 'ends the run, as on Temporal’s server, and so leaves no failed task (see workflow-tasks)',
  'cause:startChild.NAMESPACE_NOT_FOUND': 'a command that names an unknown namespace is refused, as by Temporal’s server; this is for one that goes meanwhile',
  'cause:signalExternal.NAMESPACE_NOT_FOUND': 'a command that names an unknown namespace is refused, as by Temporal’s server; this is for one that goes meanwhile',
  'cause:cancelExternal.NAMESPACE_NOT_FOUND': 'a command that names an unknown namespace is refused, as by Temporal’s server; this is for one that goes meanwhile',
  'cause:startChild.INVALID_VERSIONING_OVERRIDE': 'worker deployments are not implemented',
  'policy:updateWait.ADMITTED': 'refused, as by Temporal’s server: an update that was only admitted may never be taken',
  'policy:retryState.INTERNAL_SERVER_ERROR': 'for a server that could not work out the next attempt',
  'event:WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED': 'time skipping of single workflows is not implemented',
};
