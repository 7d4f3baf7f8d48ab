/**
 * A capability that is advertised is one that works, and what works is advertised: each flag stands for RPCs that are served, or for
 * something that an answer shows.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Callback, CommandType, EventType, Failure, Header, Memo, Payloads, QueryResultType, WorkflowService } from '../protocol/index.js';
import { completeWorkflow, eventsOf, NAMESPACE, payloads, QUEUE, scheduleActivity, Stage, startTimer } from '../server/testing/stage.js';
import { CAPABILITIES, NAMESPACE_CAPABILITIES } from './capabilities.js';

/** RPCs that must be served for the flag to be true; or a look at the engine, which says whether it should be. */
type Proof = readonly string[] | ((stage: Stage) => Promise<boolean>);

const eagerStart = async (stage: Stage): Promise<boolean> => {
  const request = { namespace: NAMESPACE, workflowId: 'w', requestId: 'r', workflowType: { name: 'x' }, taskQueue: { name: QUEUE }, requestEagerExecution: true };
  return (await stage.call(WorkflowService.StartWorkflowExecution, request)).eagerWorkflowTask !== undefined;
};

const ofServer: Record<keyof typeof CAPABILITIES, Proof> = {
  async signalAndQueryHeader(stage) {
    await stage.start('w');
    await stage.complete(await stage.pollWorkflow());
    const header = Header.encode({ fields: new Map([['trace', { data: Buffer.from('1') }]]) });
    await stage.call(WorkflowService.SignalWorkflowExecution, { namespace: NAMESPACE, workflowExecution: { workflowId: 'w' }, signalName: 's', header });
    const task = await stage.pollWorkflow();
    await stage.complete(task);
    const query = stage.call(WorkflowService.QueryWorkflow, { namespace: NAMESPACE, execution: { workflowId: 'w' }, query: { queryType: 'q', header } });
    const asked = await stage.pollWorkflow();
    await stage.call(WorkflowService.RespondQueryTaskCompleted, { taskToken: asked.taskToken, completedType: QueryResultType.ANSWERED });
    await query;
    const signaled = eventsOf(task).find(({ eventType }) => eventType === EventType.WORKFLOW_EXECUTION_SIGNALED)?.workflowExecutionSignaledEventAttributes;
    return signaled?.header !== undefined && asked.query?.header !== undefined;
  },
  // A bug is INTERNAL, what passes is UNAVAILABLE: see `host/failures.test.ts` and `refusals.test.ts`.
  internalErrorDifferentiation: [],
  async activityFailureIncludeHeartbeat(stage) {
    await stage.start('w');
    await stage.complete(await stage.pollWorkflow(), [scheduleActivity('a')]);
    const { taskToken } = await stage.pollActivity();
    await stage.call(WorkflowService.RespondActivityTaskFailed, { taskToken, failure: Failure.encode({ message: 'm', applicationFailureInfo: {} }), lastHeartbeatDetails: payloads('42') });
    await stage.clock.advance(60_000);
    return Buffer.from((await stage.pollActivity()).heartbeatDetails ?? []).includes('42');
  },
  supportsSchedules: ['CreateSchedule', 'DescribeSchedule', 'UpdateSchedule', 'PatchSchedule', 'DeleteSchedule', 'ListSchedules', 'ListScheduleMatchingTimes'],
  async encodedFailureAttributes(stage) {
    await stage.start('w');
    await stage.complete(await stage.pollWorkflow(), [scheduleActivity('a')]);
    const { taskToken } = await stage.pollActivity();
    const failure = Failure.encode({ message: 'Encoded failure', encodedAttributes: { data: Buffer.from('hidden') }, applicationFailureInfo: { nonRetryable: true } });
    await stage.call(WorkflowService.RespondActivityTaskFailed, { taskToken, failure });
    const failed = (await stage.events('w')).find((event) => event.activityTaskFailedEventAttributes)?.activityTaskFailedEventAttributes;
    return Buffer.from(failed?.failure ?? []).includes('hidden');
  },
  async buildIdBasedVersioning(stage) {
    await stage.start('w');
    await stage.complete(await stage.pollWorkflow(), [], { workerVersionStamp: { buildId: 'build-1' } });
    return (await stage.events('w')).some((event) => event.workflowTaskCompletedEventAttributes?.workerVersion?.buildId === 'build-1');
  },
  async upsertMemo(stage) {
    await stage.start('w');
    const upsertedMemo = Memo.encode({ fields: new Map([['k', { data: Buffer.from('noted') }]]) });
    await stage.complete(await stage.pollWorkflow(), [{ commandType: CommandType.MODIFY_WORKFLOW_PROPERTIES, modifyWorkflowPropertiesCommandAttributes: { upsertedMemo } }]);
    const { workflowExecutionInfo } = await stage.call(WorkflowService.DescribeWorkflowExecution, { namespace: NAMESPACE, execution: { workflowId: 'w' } });
    return Buffer.from(workflowExecutionInfo?.memo ?? []).includes('noted');
  },
  eagerWorkflowStart: eagerStart,
  async sdkMetadata(stage) {
    await stage.start('w');
    await stage.complete(await stage.pollWorkflow(), [startTimer('t', 1)], { sdkMetadata: Buffer.from([8, 3]) });
    return (await stage.events('w')).some((event) => event.workflowTaskCompletedEventAttributes?.sdkMetadata !== undefined);
  },
  async countGroupByExecutionStatus(stage) {
    await stage.start('w');
    await stage.complete(await stage.pollWorkflow(), [completeWorkflow()]);
    await stage.start('v');
    return (await stage.call(WorkflowService.CountWorkflowExecutions, { namespace: NAMESPACE, query: 'GROUP BY ExecutionStatus' })).groups.length === 2;
  },
  nexus: ['CreateNexusEndpoint', 'RespondNexusTaskCompleted'],
  serverScaledDeployments: ['UpdateWorkerDeploymentVersionComputeConfig'],
  serverScaledProviderCloudRun: ['UpdateWorkerDeploymentVersionComputeConfig'],
};

const ofNamespaces: Record<keyof typeof NAMESPACE_CAPABILITIES, Proof> = {
  eagerWorkflowStart: eagerStart,
  syncUpdate: ['UpdateWorkflowExecution'],
  asyncUpdate: ['UpdateWorkflowExecution', 'PollWorkflowExecutionUpdate'],
  workerHeartbeats: ['RecordWorkerHeartbeat', 'ListWorkers', 'DescribeWorker'],
  async reportedProblemsSearchAttribute(stage) {
    await stage.start('w');
    for (let attempt = 0; attempt < 5; attempt++) {
      const { taskToken } = await stage.pollWorkflow();
      await stage.call(WorkflowService.RespondWorkflowTaskFailed, { taskToken, failure: Failure.encode({ message: 'broken' }) });
      await stage.clock.advance(60_000);
    }
    const { count } = await stage.call(WorkflowService.CountWorkflowExecutions, { namespace: NAMESPACE, query: 'TemporalReportedProblems IS NOT NULL' });
    return count === 1;
  },
  workflowPause: ['PauseWorkflowExecution', 'UnpauseWorkflowExecution'],
  standaloneActivities: ['StartActivityExecution', 'DescribeActivityExecution', 'PollActivityExecution'],
  async workerPollCompleteOnShutdown(stage) {
    const queue = { namespace: NAMESPACE, taskQueue: { name: QUEUE }, identity: 'i', workerInstanceKey: 'k' };
    const poll = stage.call(WorkflowService.PollActivityTaskQueue, queue);
    await stage.call(WorkflowService.ShutdownWorker, { namespace: NAMESPACE, workerInstanceKey: 'k' });
    return (await poll).taskToken.byteLength === 0;
  },
  async pollerAutoscaling(stage) {
    const poll = stage.pollWorkflow();
    await stage.clock.advance(5_000);
    await stage.start('w');
    return (await poll).pollerScalingDecision !== undefined;
  },
  workerCommands: ['WorkerCommand'],
  standaloneNexusOperation: ['StartNexusOperationExecution'],
  async workflowUpdateCallbacks(stage) {
    const started = await stage.start('w');
    const callback = Callback.encode({ nexus: { url: 'http://nowhere.invalid/' } });
    const refused = await stage
      .call(WorkflowService.UpdateWorkflowExecution, {
        namespace: NAMESPACE,
        workflowExecution: { workflowId: 'w', runId: started },
        request: { requestId: 'r', meta: { updateId: 'u' }, input: { name: 'u', args: Payloads.encode({}) }, completionCallbacks: [callback] },
      })
      .then(() => '', String);
    // They are understood: what is wrong with this one is its address.
    return /callback/i.test(refused);
  },
  pollerAutoscalingAutoEnroll: ['AutoEnroll'],
  workflowTaskCompletionPagination: ['CompletionPage'],
  standaloneActivityStartDelay: ['StartActivityExecution'],
  async standaloneActivityBatchOperations(stage) {
    const job = { namespace: NAMESPACE, jobId: 'j', reason: 'r', visibilityQuery: "ActivityType = 'a'", cancelActivitiesOperation: {} };
    return stage.call(WorkflowService.StartBatchOperation, job).then(() => true, () => false);
  },
  standaloneActivityOperatorCommands: ['PauseActivityExecution', 'UnpauseActivityExecution', 'ResetActivityExecution', 'UpdateActivityExecutionOptions'],
};

for (const [what, table, proofs] of [
  ['the server', CAPABILITIES, ofServer],
  ['a namespace', NAMESPACE_CAPABILITIES, ofNamespaces],
] as const) {
  for (const [flag, advertised] of Object.entries(table)) {
    test(`${what} says the truth about ${flag}`, async () => {
      await using stage = await Stage.open();
      const proof = (proofs as Readonly<Record<string, Proof>>)[flag] ?? [];
      const served = new Set(stage.engine.router.paths().map((path) => path.slice(path.lastIndexOf('/') + 1)));
      const works = typeof proof === 'function' ? await proof(stage) : proof.every((name) => served.has(name));
      assert.equal(advertised, works);
    });
  }
}

test('what is advertised is what clients are told', async () => {
  await using stage = await Stage.open();
  assert.deepEqual({ ...(await stage.call(WorkflowService.GetSystemInfo, {})).capabilities }, CAPABILITIES);
  const { namespaceInfo } = await stage.call(WorkflowService.DescribeNamespace, { namespace: NAMESPACE });
  assert.deepEqual({ ...namespaceInfo?.capabilities }, NAMESPACE_CAPABILITIES);
  assert.equal(namespaceInfo?.supportsSchedules, CAPABILITIES.supportsSchedules);
});
