/** What a call means for time: a worker's poll is nobody at work, a wait is over when something has happened, all else is work. */
import { WorkflowService, type GetWorkflowExecutionHistoryRequest, type Init } from '../protocol/index.js';

type Named = { readonly path: string };
type CallKind = 'poll' | 'wait' | 'work';

const paths = (...methods: readonly Named[]): ReadonlySet<string> => new Set(methods.map(({ path }) => path));

const POLLS = paths(WorkflowService.PollWorkflowTaskQueue, WorkflowService.PollActivityTaskQueue, WorkflowService.PollNexusTaskQueue);
const WAITS = paths(WorkflowService.UpdateWorkflowExecution, WorkflowService.PollWorkflowExecutionUpdate, WorkflowService.ExecuteMultiOperation, WorkflowService.PollActivityExecution);

export function callKind({ path }: Named, request: unknown): CallKind {
  if (POLLS.has(path)) return 'poll';
  if (path !== WorkflowService.GetWorkflowExecutionHistory.path) return WAITS.has(path) ? 'wait' : 'work';
  return (request as Init<GetWorkflowExecutionHistoryRequest>).waitNewEvent === true ? 'wait' : 'work';
}
