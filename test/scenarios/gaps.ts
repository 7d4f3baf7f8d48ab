/** Rows of the table that no scenario can exercise, each with its reason. What is neither here nor covered shows as "not covered". */
import type { Row } from './rows.js';

const TIME_SKIPPING = 'time skipping of single workflows is not implemented: Temporal’s server has it behind a flag, and no SDK asks for it';
const NEVER_WRITTEN = 'Temporal’s server never writes it';

/** A command that names an unknown namespace is refused, as by Temporal’s server. */
const NAMESPACE_GONE = 'the other namespace has to go between the command and its arrival: `packages/perdure/src/frontend/children.test.ts` arranges that';

const OLD_VERSIONING = 'an older worker versioning, deprecated and switched off on Temporal’s server: worker deployments took its place';
const OLD_DEPLOYMENTS = 'UNIMPLEMENTED on Temporal’s server as well: worker deployments took its place';
const COMPUTE = 'for servers that start workers by themselves; ours does not (`server_scaled_deployments` is false)';
const RULES = 'UNIMPLEMENTED on Temporal’s server as well, unless a flag is set';
const NEXUS_ALONE = 'operations without a workflow: UNIMPLEMENTED on Temporal’s server as well, unless a flag is set (`standalone_nexus_operation` is false)';
const WORKER_CONFIG = 'not enabled on Temporal’s server (`worker_commands` is false)';

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
  'rpc:AddOrUpdateRemoteCluster': 'refused: FAILED_PRECONDITION. This server is a cluster of its own',
  'rpc:UpdateWorkerBuildIdCompatibility': OLD_VERSIONING,
  'rpc:GetWorkerBuildIdCompatibility': OLD_VERSIONING,
  'rpc:UpdateWorkerVersioningRules': OLD_VERSIONING,
  'rpc:GetWorkerVersioningRules': OLD_VERSIONING,
  'rpc:GetWorkerTaskReachability': OLD_VERSIONING,
  'rpc:DescribeDeployment': OLD_DEPLOYMENTS,
  'rpc:ListDeployments': OLD_DEPLOYMENTS,
  'rpc:GetDeploymentReachability': OLD_DEPLOYMENTS,
  'rpc:GetCurrentDeployment': OLD_DEPLOYMENTS,
  'rpc:SetCurrentDeployment': OLD_DEPLOYMENTS,
  'rpc:UpdateWorkerDeploymentVersionComputeConfig': COMPUTE,
  'rpc:ValidateWorkerDeploymentVersionComputeConfig': COMPUTE,
  'rpc:CreateWorkflowRule': RULES,
  'rpc:DescribeWorkflowRule': RULES,
  'rpc:DeleteWorkflowRule': RULES,
  'rpc:ListWorkflowRules': RULES,
  'rpc:TriggerWorkflowRule': RULES,
  'rpc:FetchWorkerConfig': WORKER_CONFIG,
  'rpc:UpdateWorkerConfig': WORKER_CONFIG,
  'rpc:StartNexusOperationExecution': NEXUS_ALONE,
  'rpc:DescribeNexusOperationExecution': NEXUS_ALONE,
  'rpc:PollNexusOperationExecution': NEXUS_ALONE,
  'rpc:ListNexusOperationExecutions': NEXUS_ALONE,
  'rpc:CountNexusOperationExecutions': NEXUS_ALONE,
  'rpc:RequestCancelNexusOperationExecution': NEXUS_ALONE,
  'rpc:TerminateNexusOperationExecution': NEXUS_ALONE,
  'rpc:DeleteNexusOperationExecution': NEXUS_ALONE,
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
  {
    fields: '`history_archival_*`, `visibility_archival_*` of namespaces, `skip_archival`, `archived`, `raw_history`',
    here: 'ignored: archival is DISABLED, and no history comes raw or from an archive',
    because: 'there is no archive; Temporal’s server answers the same where none is configured',
  },
  {
    fields: '`custom_search_attribute_aliases` of a namespace',
    here: 'ignored; always empty',
    because: 'search attributes are stored under their own names; there are no numbered columns that an alias would stand for',
  },
  {
    fields: '`security_token`, `weak_consistency`; `failover_version`, `failover_history`, `replication_config` beyond the one cluster',
    here: 'ignored; always empty or 0',
    because: 'for clusters that fail over to each other: there is one',
  },
  {
    fields: '`resource_id` of answers, heartbeats and operations',
    here: 'ignored',
    because: 'tells a proxy where to send the call; the server finds the execution by its own means',
  },
  {
    fields: '`worker_control_task_queue` of polls and completions',
    here: 'ignored',
    because: 'for commands to workers, which Temporal’s server has behind a flag (`worker_commands` is false)',
  },
  {
    fields: '`assigned_build_id`, `inherited_build_id`, `source_version_stamp`, `last_independently_assigned_build_id`, `deployment_series_name`, `last_deployment`, `deployment_transition`',
    here: 'ignored; always empty',
    because: 'of worker versioning before worker deployments, which Temporal’s server has switched off',
  },
  {
    fields: '`compute_config` of a deployment version, `compute_status`',
    here: 'refused: INVALID_ARGUMENT; always empty',
    because: 'this server starts no workers',
  },
  {
    fields: '`include_system_workers` of ListWorkers and CountWorkers',
    here: 'ignored',
    because: 'the server has no workers of its own that would be listed',
  },
  {
    fields: '`read_level`, `ack_level`, `task_id_block` of a task queue; `version_info` of the cluster',
    here: 'always 0; always empty',
    because: 'tasks are owed by executions and have no ids; nobody is asked on the network which version is the newest',
  },
];
