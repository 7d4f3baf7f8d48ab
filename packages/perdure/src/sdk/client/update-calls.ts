/** The requests that make updates, through the interceptors. */
import { composeInterceptors } from '../common/index.js';
import { extrasOf } from './call-extras.js';
import type {
  WorkflowClientInterceptor,
  WorkflowStartUpdateInput,
  WorkflowStartUpdateOutput,
  WorkflowStartUpdateWithStartInput,
} from './interceptors.js';
import { startUpdateWithStart } from './update-with-start.js';
import { headerOf } from './workflow-calls.js';
import { startRequest } from './workflow-options.js';
import { startUpdate, updateRequest, type StartedUpdate, type UpdateContext } from './workflow-update.js';

type Stage = 'ACCEPTED' | 'COMPLETED';

/** Makes an update and waits until it is durable. */
export async function callUpdate(
  context: UpdateContext,
  interceptors: readonly WorkflowClientInterceptor[],
  stage: Stage,
  given: WorkflowStartUpdateInput,
): Promise<StartedUpdate> {
  const { updateId, workflowRunId, outcome, outputTypeInfo } = await composeInterceptors(interceptors, 'startUpdate', async (input) => {
    const { updateName, args, typeInfo, workflowExecution, firstExecutionRunId, headers, options } = input;
    const target = { ...workflowExecution, firstExecutionRunId };
    const request = await updateRequest(context, target, updateName, { ...options, args, ...(typeInfo && { typeInfo }) }, stage, headerOf(headers));
    const started = await startUpdate(context, request, target);
    const extras = extrasOf(options);
    if (extras !== undefined) Object.assign(extras, { responseLink: started.link, outcome: started.outcome });
    return { ...outputOf(started), ...(typeInfo?.outputType && { outputTypeInfo: typeInfo.outputType }) };
  })(given);
  return { updateId, runId: workflowRunId || undefined, outcome, outputType: outputTypeInfo };
}

/** Makes an update, after starting its execution if need be. `onStarted` is called as soon as the run id is known. */
export async function callUpdateWithStart(
  context: UpdateContext,
  interceptors: readonly WorkflowClientInterceptor[],
  stage: Stage,
  given: WorkflowStartUpdateWithStartInput,
  onStarted: (runId: string) => void,
): Promise<StartedUpdate> {
  const { updateId, workflowExecution, updateOutcome, updateOutputTypeInfo } = await composeInterceptors(interceptors, 'startUpdateWithStart', async (input) => {
    const { workflowType, workflowStartOptions, updateName, updateArgs, updateTypeInfo, updateOptions } = input;
    const { workflowId } = workflowStartOptions;
    const started = await startUpdateWithStart(context, {
      workflowId,
      workflowType,
      start: { ...(await startRequest(workflowType, workflowStartOptions, context)), header: headerOf(input.workflowStartHeaders) },
      update: await updateRequest(context, { workflowId }, updateName, { ...updateOptions, args: updateArgs, ...(updateTypeInfo && { typeInfo: updateTypeInfo }) }, stage, headerOf(input.updateHeaders)),
      onStarted,
    });
    const { updateId, workflowRunId, outcome } = outputOf(started);
    return { workflowExecution: { workflowId, runId: workflowRunId }, updateId, ...(outcome && { updateOutcome: outcome }), ...(updateTypeInfo?.outputType && { updateOutputTypeInfo: updateTypeInfo.outputType }) };
  })(given);
  return { updateId, runId: workflowExecution.runId || undefined, outcome: updateOutcome, outputType: updateOutputTypeInfo };
}

function outputOf({ updateId, runId = '', outcome }: StartedUpdate): WorkflowStartUpdateOutput {
  return { updateId, workflowRunId: runId, ...(outcome && { outcome }) };
}
