/** What a workflow task can fail with beside timers and activities: bad commands, what a worker reports, code that does not replay. */
import assert from 'node:assert/strict';
import {
  CommandType,
  ContinueAsNewInitiator,
  Payload,
  SearchAttributes,
  UpdateWorkflowExecutionLifecycleStage,
  WorkflowService,
  WorkflowTaskFailedCause,
  type Command,
  type Init,
} from '#perdure/protocol/index';
import { eventually, failure, start, type Scenario, type Stage } from '../scenario.js';
import { command, HandWorker } from '../workflow-tasks/by-hand.js';

type Cause = keyof typeof WorkflowTaskFailedCause;
type Fault<C extends Cause> = readonly [name: string, cause: C, commands: readonly Init<Command>[]];

const unknownAttribute = SearchAttributes.encode({ indexedFields: new Map([['NobodyRegisteredThis', Payload.create({ data: Buffer.from('"x"') })]]) });

/** Commands that lack what they need: the server fails the task itself. */
const FAULTS: readonly Fault<
  | 'BAD_COMPLETE_WORKFLOW_EXECUTION_ATTRIBUTES'
  | 'BAD_FAIL_WORKFLOW_EXECUTION_ATTRIBUTES'
  | 'BAD_CANCEL_WORKFLOW_EXECUTION_ATTRIBUTES'
  | 'BAD_CONTINUE_AS_NEW_ATTRIBUTES'
  | 'BAD_SEARCH_ATTRIBUTES'
  | 'BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES'
  | 'BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE'
>[] = [
  ['a completion needs attributes', 'BAD_COMPLETE_WORKFLOW_EXECUTION_ATTRIBUTES', [{ commandType: CommandType.COMPLETE_WORKFLOW_EXECUTION }]],
  ['a failure needs a failure', 'BAD_FAIL_WORKFLOW_EXECUTION_ATTRIBUTES', [{ commandType: CommandType.FAIL_WORKFLOW_EXECUTION, failWorkflowExecutionCommandAttributes: {} }]],
  ['a cancellation needs attributes', 'BAD_CANCEL_WORKFLOW_EXECUTION_ATTRIBUTES', [{ commandType: CommandType.CANCEL_WORKFLOW_EXECUTION }]],
  [
    'continue-as-new cannot wait a negative time',
    'BAD_CONTINUE_AS_NEW_ATTRIBUTES',
    [
      {
        commandType: CommandType.CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
        continueAsNewWorkflowExecutionCommandAttributes: { initiator: ContinueAsNewInitiator.WORKFLOW, backoffStartInterval: -1000 },
      },
    ],
  ],
  [
    'a search attribute must be registered',
    'BAD_SEARCH_ATTRIBUTES',
    [{ commandType: CommandType.UPSERT_WORKFLOW_SEARCH_ATTRIBUTES, upsertWorkflowSearchAttributesCommandAttributes: { searchAttributes: unknownAttribute } }],
  ],
  ['a change of the memo needs attributes', 'BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES', [{ commandType: CommandType.MODIFY_WORKFLOW_PROPERTIES }]],
  [
    'a protocol message must be there',
    'BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE',
    [{ commandType: CommandType.PROTOCOL_MESSAGE, protocolMessageCommandAttributes: { messageId: 'not-sent' } }],
  ],
];

/** Causes that only a worker knows: the server writes down what it is told. */
const REPORTED = [
  'RESET_STICKY_TASK_QUEUE',
  'BAD_SIGNAL_INPUT_SIZE',
  'BAD_BINARY',
  'NON_DETERMINISTIC_ERROR',
  'PAYLOADS_TOO_LARGE',
  'EXTERNAL_STORAGE_FAILURE',
  'REQUEST_TOO_LARGE',
  'UNHANDLED_UPDATE',
] as const satisfies readonly Cause[];

/** The failed task of a workflow. */
async function failedTask(stage: Stage, workflowId: string) {
  return eventually(async () => (await stage.history(workflowId)).find((event) => event.workflowTaskFailedEventAttributes)?.workflowTaskFailedEventAttributes, 'a failed task');
}

export const SCENARIOS: readonly Scenario[] = [
  ...FAULTS.map(
    ([name, cause, commands]): Scenario => ({
      name,
      worker: 'own',
      covers: [`cause:workflowTask.${cause}`],
      run: async (stage) => {
        const worker = new HandWorker(stage);
        await worker.start();
        await assert.rejects(worker.complete(await worker.poll(), commands));
        assert.equal((await failedTask(stage, worker.workflowId)).cause, WorkflowTaskFailedCause[cause]);
        await worker.complete(await worker.poll(), [command.complete()]);
      },
    }),
  ),
  {
    name: 'more activities at once than a workflow may have',
    worker: 'own',
    covers: ['cause:workflowTask.PENDING_ACTIVITIES_LIMIT_EXCEEDED'],
    run: async (stage) => {
      const worker = new HandWorker(stage);
      await worker.start();
      const activities = Array.from({ length: 2001 }, (_, i) => command.activity(`activity-${i}`, stage.id('nobody')));
      await assert.rejects(worker.complete(await worker.poll(), activities));
      assert.equal((await failedTask(stage, worker.workflowId)).cause, WorkflowTaskFailedCause.PENDING_ACTIVITIES_LIMIT_EXCEEDED);
      await worker.complete(await worker.poll(), [command.complete()]);
    },
  },
  ...REPORTED.map(
    (cause): Scenario => ({
      name: `a worker may report ${cause}`,
      worker: 'own',
      covers: [`cause:workflowTask.${cause}`, 'rpc:RespondWorkflowTaskFailed'],
      run: async (stage) => {
        const worker = new HandWorker(stage);
        await worker.start();
        await worker.fail(await worker.poll(), WorkflowTaskFailedCause[cause]);
        assert.equal((await failedTask(stage, worker.workflowId)).cause, WorkflowTaskFailedCause[cause]);
        await worker.complete(await worker.poll(), [command.complete()]);
      },
    }),
  ),
  {
    name: 'code that does not replay fails the task, not the workflow',
    unreplayable: 'that is what it shows',
    worker: 'own',
    covers: ['cause:workflowTask.NON_DETERMINISTIC_ERROR'],
    varies: 'how often the task is tried',
    run: async (stage) => {
      const handle = await start(stage, 'changesItsMind');
      const firstStep = () => stage.history(handle.workflowId).then((events) => events.some((event) => event.timerStartedEventAttributes));
      {
        await using _ = await stage.worker({ maxCachedWorkflows: 0 });
        await eventually(firstStep, 'the first step');
      }
      // By hand: the history goes on where the code would not.
      const worker = new HandWorker(stage);
      worker.workflowId = handle.workflowId;
      await worker.signal('go-on');
      await worker.complete(await worker.poll(), [command.marker('nobody-wrote-this')]);
      await worker.signal('go-on');
      await using _ = await stage.worker({ maxCachedWorkflows: 0 });
      assert.equal((await failedTask(stage, handle.workflowId)).cause, WorkflowTaskFailedCause.NON_DETERMINISTIC_ERROR);
      await handle.terminate('shown');
    },
  },
  {
    name: 'an error in workflow code fails the task, not the workflow; both see it',
    covers: ['cause:workflowTask.WORKFLOW_WORKER_UNHANDLED_FAILURE'],
    varies: 'how often the task is tried',
    run: async (stage) => {
      const handle = await start(stage, 'throwsAtFirst');
      const failed = await failedTask(stage, handle.workflowId);
      assert.equal(failed.cause, WorkflowTaskFailedCause.WORKFLOW_WORKER_UNHANDLED_FAILURE);
      assert.equal((await handle.describe()).status.name, 'RUNNING');
      const error = await failure(
        stage.call(WorkflowService.UpdateWorkflowExecution, {
          namespace: stage.namespace,
          workflowExecution: { workflowId: handle.workflowId },
          waitPolicy: { lifecycleStage: UpdateWorkflowExecutionLifecycleStage.ADMITTED },
          request: { meta: { updateId: 'u' }, input: { name: 'any' } },
        }),
      );
      assert.match(error.message, /ADMITTED|admitted|wait/i);
      await handle.terminate('shown');
    },
  },
];
