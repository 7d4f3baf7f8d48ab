/**
 * A workflow that calls two Nexus operations, one that is answered at once and one with a workflow behind it: whatever commit the server
 * dies in, each operation ends once in the caller's history, and one workflow ran behind the second.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Callback, CommandType, EventType, OperatorService, WorkflowService, type Command, type HistoryEvent, type Init, type PollNexusTaskQueueResponse, type PollWorkflowTaskQueueResponse } from '../protocol/index.js';
import type { Engine } from './engine.js';
import { settled, within } from './testing/families.js';
import { everyDeath, MortalServer } from './testing/mortal-server.js';
import { completeWorkflow, eventsOf, NAMESPACE, QUEUE, startRequest } from './testing/stage.js';

const TASK_QUEUE = { name: QUEUE };
const count = (events: readonly HistoryEvent[], type: EventType): number => events.filter(({ eventType }) => eventType === type).length;

const schedule = (operation: string): Init<Command> => ({
  commandType: CommandType.SCHEDULE_NEXUS_OPERATION,
  scheduleNexusOperationCommandAttributes: { endpoint: 'payments', service: 'cards', operation },
});

/** From the history alone: a task that comes again gets the same answer. */
function decide(workflowId: string, events: readonly HistoryEvent[]): Init<Command>[] {
  if (workflowId !== 'caller') return [completeWorkflow('charged')];
  if (count(events, EventType.NEXUS_OPERATION_SCHEDULED) === 0) return [schedule('quote'), schedule('charge')];
  return count(events, EventType.NEXUS_OPERATION_COMPLETED) === 2 ? [completeWorkflow()] : [];
}

function complete(engine: Engine, task: PollWorkflowTaskQueueResponse): Promise<unknown> {
  const commands = decide(task.workflowExecution?.workflowId ?? '', eventsOf(task));
  return engine.transport.call(WorkflowService.RespondWorkflowTaskCompleted, { taskToken: task.taskToken, commands, identity: 'worker' }).catch(() => undefined);
}

/** As an SDK's handler with a workflow behind the operation does. */
async function handle({ transport }: Engine, { taskToken, request }: PollNexusTaskQueueResponse): Promise<unknown> {
  const { operation, requestId = '', callback = '', callbackHeader = new Map<string, string>() } = request?.startOperation ?? {};
  const respond = (startOperation: object) => transport.call(WorkflowService.RespondNexusTaskCompleted, { namespace: NAMESPACE, taskToken, response: { startOperation } });
  if (operation === 'quote') return respond({ syncSuccess: {} }).catch(() => undefined);
  const completionCallbacks = [Callback.encode({ nexus: { url: callback, header: new Map([...callbackHeader, ['nexus-operation-token', 'behind']]) } })];
  try {
    await transport.call(WorkflowService.StartWorkflowExecution, startRequest('behind', { requestId, completionCallbacks }));
    return await respond({ asyncSuccess: { operationToken: 'behind' } });
  } catch {
    // Who asked asks again.
    return undefined;
  }
}

async function live(server: MortalServer, isGone: () => boolean): Promise<void> {
  const { engine, clock } = server;
  const { transport } = engine;
  const target = { worker: { namespace: NAMESPACE, taskQueue: 'handlers' } };
  const create = transport.call(OperatorService.CreateNexusEndpoint, { spec: { name: 'payments', target } }).catch(() => undefined);
  if (!(await settled(clock, create, isGone))) return;
  if (!(await settled(clock, transport.call(WorkflowService.StartWorkflowExecution, startRequest('caller')), isGone))) return;
  for (let idle = 0; idle < 3 && !isGone(); ) {
    const hangUp = new AbortController();
    const options = { signal: hangUp.signal };
    const workflow = transport.call(WorkflowService.PollWorkflowTaskQueue, { namespace: NAMESPACE, taskQueue: TASK_QUEUE }, options).then((task) => task.taskToken.byteLength > 0 && complete(engine, task));
    const nexus = transport.call(WorkflowService.PollNexusTaskQueue, { namespace: NAMESPACE, taskQueue: { name: 'handlers' } }, options).then((task) => task.taskToken.byteLength > 0 && handle(engine, task));
    const worked = await within(clock, Promise.race([workflow, nexus]).then((answered) => answered !== false, () => false), 12_000);
    hangUp.abort();
    // The other poll may have got its task at the same moment: what it leads to has its time.
    await within(clock, Promise.allSettled([workflow, nexus]), 5_000);
    idle = worked === true ? 0 : idle + 1;
  }
}

async function check(server: MortalServer): Promise<void> {
  const caller = await server.events('caller');
  assert.equal(caller.at(-1)?.eventType, EventType.WORKFLOW_EXECUTION_COMPLETED, caller.map(({ eventType }) => eventType).join());
  assert.deepEqual([EventType.NEXUS_OPERATION_SCHEDULED, EventType.NEXUS_OPERATION_STARTED, EventType.NEXUS_OPERATION_COMPLETED].map((type) => count(caller, type)), [2, 1, 2]);
  const behind = await server.events('behind');
  assert.equal(behind.at(-1)?.eventType, EventType.WORKFLOW_EXECUTION_COMPLETED);
  const { executions } = await server.call(WorkflowService.ListWorkflowExecutions, { namespace: NAMESPACE, query: "WorkflowId = 'behind'" });
  assert.equal(executions.length, 1, 'the handler was asked again with the same request id');
  const { endpoints } = await server.call(OperatorService.ListNexusEndpoints, {});
  assert.equal(endpoints.length, 1);
}

test('operations live through the death of the server in any write', async () => {
  const deaths = await everyDeath(async (death) => {
    const server = new MortalServer({ groupRecords: 1 });
    server.diesAt(death);
    if (await server.begin()) await live(server, () => server.isDead);
    const died = server.isDead;
    await server.beginAgain();
    await live(server, () => false);
    await check(server);
    await server.engine.close();
    return died;
  });
  assert.ok(deaths > 20, `${deaths} deaths`);
});
