/** Which rows of the table a request exercises: the policies that it names and the commands that it carries. */
import {
  WorkflowService,
  type Command,
  type CreateScheduleRequest,
  type Method,
  type PatchScheduleRequest,
  type QueryWorkflowRequest,
  type ResetWorkflowExecutionRequest,
  type RespondWorkflowTaskCompletedRequest,
  type SignalWithStartWorkflowExecutionRequest,
  type StartActivityExecutionRequest,
  type StartWorkflowExecutionRequest,
  type UpdateScheduleRequest,
  type UpdateWorkflowExecutionRequest,
  type PollWorkflowExecutionUpdateRequest,
  type ExecuteMultiOperationRequest,
} from '#perdure/protocol/index';
import { rowOf, type Row } from './rows.js';

type Rows = readonly (Row | undefined)[];
const readers = new Map<string, (request: never) => Rows>();

function reads<Request, Response>(method: Method<Request, Response>, read: (request: Request) => Rows): void {
  readers.set(method.path, read);
}

const startRows = (request: StartWorkflowExecutionRequest | SignalWithStartWorkflowExecutionRequest): Rows => [
  rowOf('policy:idReuse.', request.workflowIdReusePolicy),
  rowOf('policy:idConflict.', request.workflowIdConflictPolicy),
];
const updateRows = (request: UpdateWorkflowExecutionRequest | PollWorkflowExecutionUpdateRequest): Rows => [rowOf('policy:updateWait.', request.waitPolicy?.lifecycleStage)];

reads(WorkflowService.StartWorkflowExecution, startRows);
reads(WorkflowService.SignalWithStartWorkflowExecution, startRows);
reads(WorkflowService.QueryWorkflow, (request: QueryWorkflowRequest) => [rowOf('policy:queryReject.', request.queryRejectCondition)]);
reads(WorkflowService.ResetWorkflowExecution, (request: ResetWorkflowExecutionRequest) => [
  rowOf('policy:resetReapply.', request.resetReapplyType),
  ...request.resetReapplyExcludeTypes.map((type) => rowOf('policy:resetExclude.', type)),
]);
reads(WorkflowService.UpdateWorkflowExecution, updateRows);
reads(WorkflowService.PollWorkflowExecutionUpdate, updateRows);
reads(WorkflowService.ExecuteMultiOperation, (request: ExecuteMultiOperationRequest) =>
  request.operations.flatMap(({ startWorkflow, updateWorkflow }) => [...(startWorkflow ? startRows(startWorkflow) : []), ...(updateWorkflow ? updateRows(updateWorkflow) : [])]),
);
reads(WorkflowService.RespondWorkflowTaskCompleted, (request: RespondWorkflowTaskCompletedRequest) => [rowOf('policy:versioning.', request.versioningBehavior), ...request.commands.flatMap(commandRows)]);
reads(WorkflowService.StartActivityExecution, (request: StartActivityExecutionRequest) => [
  rowOf('policy:activityIdReuse.', request.idReusePolicy),
  rowOf('policy:activityIdConflict.', request.idConflictPolicy),
]);
reads(WorkflowService.CreateSchedule, ({ schedule }: CreateScheduleRequest) => [rowOf('policy:scheduleOverlap.', schedule?.policies?.overlapPolicy)]);
reads(WorkflowService.UpdateSchedule, ({ schedule }: UpdateScheduleRequest) => [rowOf('policy:scheduleOverlap.', schedule?.policies?.overlapPolicy)]);
reads(WorkflowService.PatchSchedule, ({ patch }: PatchScheduleRequest) => [
  rowOf('policy:scheduleOverlap.', patch?.triggerImmediately?.overlapPolicy),
  ...(patch?.backfillRequest ?? []).map(({ overlapPolicy }) => rowOf('policy:scheduleOverlap.', overlapPolicy)),
]);

function commandRows(command: Command): Rows {
  const child = command.startChildWorkflowExecutionCommandAttributes;
  return [
    rowOf('command:', command.commandType),
    rowOf('policy:idReuse.', child?.workflowIdReusePolicy),
    rowOf('policy:parentClose.', child?.parentClosePolicy),
    rowOf('policy:continueAsNewVersioning.', command.continueAsNewWorkflowExecutionCommandAttributes?.initialVersioningBehavior),
  ];
}

export function requestRows(method: Method<unknown, unknown>, request: unknown): Row[] {
  const read = readers.get(method.path) as ((request: unknown) => Rows) | undefined;
  return (read?.(request) ?? []).filter((row): row is Row => row !== undefined);
}
