/**
 * Runs that make no progress: their workflow tasks fail or time out again and again.
 *
 * The problems are counted from the last workflow task that completed, whatever happened between. From the fifth on the run has the search
 * attribute `TemporalReportedProblems`, so that list queries find it and the UI warns; a workflow task that completes takes it away. What
 * was wrong is taken from the last event that says so: attempts that are not in the history do not change it. The attribute is not stored
 * with those of the workflow but added when somebody looks (`describe.ts`).
 */
import { SearchAttributes, TimeoutType, WorkflowTaskFailedCause } from '../../../protocol/index.js';
import type { Encoded, RunState } from '../../../protocol/index.js';
import { causeName } from './commands.js';
import type { WorkflowState } from '../state.js';

/** As Temporal's server does by default. */
const PROBLEMS_TO_REPORT = 5;

/** A workflow task failed or timed out. Without an event in the history nothing is said of the problem. */
export function noteTaskProblem({ run }: WorkflowState, problem?: { readonly cause?: WorkflowTaskFailedCause; readonly timeoutType?: TimeoutType }): void {
  run.taskProblems += 1;
  if (problem === undefined) return;
  run.taskProblemCause = problem.cause ?? WorkflowTaskFailedCause.UNSPECIFIED;
  run.taskProblemTimeout = problem.timeoutType ?? TimeoutType.UNSPECIFIED;
}

/** A workflow task completed, or everything begins anew. */
export function forgetTaskProblems({ run }: WorkflowState): void {
  run.taskProblems = 0;
  run.taskProblemCause = WorkflowTaskFailedCause.UNSPECIFIED;
  run.taskProblemTimeout = TimeoutType.UNSPECIFIED;
}

/** What is reported; undefined if nothing is. */
export function reportedProblem({ taskProblems, taskProblemCause, taskProblemTimeout }: RunState): string | undefined {
  if (taskProblems < PROBLEMS_TO_REPORT) return undefined;
  return taskProblemTimeout === TimeoutType.UNSPECIFIED ? causeName(taskProblemCause) : 'StartToClose';
}

/** The search attributes of a run, and what list queries find runs in trouble by. */
export function withReportedProblems({ run }: WorkflowState, attributes: Encoded<SearchAttributes> | undefined): Encoded<SearchAttributes> | undefined {
  const problem = reportedProblem(run);
  if (problem === undefined) return attributes;
  const category = run.taskProblemTimeout === TimeoutType.UNSPECIFIED ? 'WorkflowTaskFailed' : 'WorkflowTaskTimedOut';
  const words = [`category=${category}`, `cause=${category}Cause${problem}`];
  const metadata = { encoding: Buffer.from('json/plain'), type: Buffer.from('KeywordList') };
  const added = SearchAttributes.encode({ indexedFields: new Map([['TemporalReportedProblems', { metadata, data: Buffer.from(JSON.stringify(words)) }]]) });
  // Messages that follow each other add up: the fields of both.
  return attributes === undefined ? added : Buffer.concat([attributes, added]);
}
