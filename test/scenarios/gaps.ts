/** Rows of the table that no scenario can exercise, each with its reason. What is neither here nor covered shows as "not covered". */
import type { Row } from './rows.js';

const TIME_SKIPPING = 'time skipping of single workflows is not implemented: Temporal’s server has it behind a flag, and no SDK asks for it';
const NEVER_WRITTEN = 'Temporal’s server never writes it';

/** A command that names an unknown namespace is refused, as by Temporal’s server. */
const NAMESPACE_GONE = 'the other namespace has to go between the command and its arrival: `packages/perdure/src/frontend/children.test.ts` arranges that';

export const GAPS: Partial<Record<Row, string>> = {
  'cause:workflowTask.WORKFLOW_PAUSE_REQUESTED_BEFORE_TASK_STARTED': 'written before the task has started, which SDKs cannot replay: a paused run keeps its task waiting',
  'event:WORKFLOW_EXECUTION_UPDATE_REJECTED': NEVER_WRITTEN,
  'event:WORKFLOW_PROPERTIES_MODIFIED_EXTERNALLY': NEVER_WRITTEN,
  'event:ACTIVITY_PROPERTIES_MODIFIED_EXTERNALLY': NEVER_WRITTEN,
  'cause:workflowTask.FAILOVER_CLOSE_COMMAND': 'clusters that fail over to each other are not implemented',
  'cause:workflowTask.FEATURE_DISABLED': 'nothing that a command asks for can be switched off',
  'cause:workflowTask.GRPC_MESSAGE_TOO_LARGE': 'ends the run, as on Temporal’s server, and so leaves no failed task (see workflow-tasks)',
  'cause:startChild.NAMESPACE_NOT_FOUND': NAMESPACE_GONE,
  'cause:signalExternal.NAMESPACE_NOT_FOUND': NAMESPACE_GONE,
  'cause:cancelExternal.NAMESPACE_NOT_FOUND': NAMESPACE_GONE,
  'cause:startChild.INVALID_VERSIONING_OVERRIDE': 'the override of a child is not checked: the child waits for workers of its version',
  'policy:updateWait.ADMITTED': 'refused, as by Temporal’s server: an update that was only admitted may never be taken',
  'policy:retryState.INTERNAL_SERVER_ERROR': 'for a server that could not work out the next attempt',
  'event:WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED': TIME_SKIPPING,
  'rpc:PollWorkflowExecutionTimeSkipping': TIME_SKIPPING,
};

/** Fields of requests and replies that do nothing here, each with its reason. The table lists them. */
export interface FieldGap {
  readonly fields: string;
  readonly here: string;
  readonly because: string;
}

export const FIELD_GAPS: readonly FieldGap[] = [
  {
    fields: '`time_skipping_config` of a start, `time_skipping_config` of workflow options',
    here: 'refused: UNIMPLEMENTED, or an unknown path of the update mask',
    because: 'a flag that is off on Temporal’s server; no SDK sends it. `perdure/testing` skips time for a whole server',
  },
  {
    fields: '`intermediate_page`, `page_number` of a completed workflow task',
    here: 'refused: FAILED_PRECONDITION',
    because: 'SDKs send pages only to a namespace whose capabilities say `workflow_task_completion_pagination`; ours do not, and Temporal’s do not by default',
  },
  {
    fields: '`poller_group_id` of polls, queries and Nexus tasks; `poller_group_infos` of their replies',
    here: 'ignored; never sent',
    because: 'groups spread pollers over partitions and cells of a queue. A queue has one partition here, and workers name only groups that a server told them',
  },
  {
    fields: '`blocked_reason` of callbacks and of Nexus operations',
    here: 'always empty',
    because: 'Temporal’s server sets it while its circuit breaker for an address is open; here each callback and each operation has pauses of its own, which describe shows (`next_attempt_schedule_time`)',
  },
];
