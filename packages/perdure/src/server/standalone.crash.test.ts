/**
 * An activity without a workflow, start to end, on a server that dies in each of its writes, once before and once after it is on the disk: who
 * asks again gets the same activity, a worker that answers again is not heard twice, and in the end it has its one outcome.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ActivityExecutionStatus, Code, Failure, RpcError, WorkflowService, type Init, type Method } from '../protocol/index.js';
import { everyDeath, MortalServer, type Death } from './testing/mortal-server.js';
import { NAMESPACE, payloads, QUEUE } from './testing/stage.js';

const { DescribeActivityExecution, PollActivityTaskQueue, RespondActivityTaskCompleted, RespondActivityTaskFailed, StartActivityExecution } = WorkflowService;
const about = { namespace: NAMESPACE, activityId: 'a' };
const STARTED = { ...about, requestId: 'start', activityType: { name: 'charge' }, taskQueue: { name: QUEUE }, startToCloseTimeout: 10_000 };

/** Asks until there is an answer, however often the server has to be started again. Tasks that no worker got time out meanwhile. */
async function insist<Request, Response>(server: MortalServer, method: Method<Request, Response>, request: Init<Request>, isOver: (error: unknown) => boolean = () => false): Promise<Response | undefined> {
  for (let turn = 0; turn < 10; turn++) {
    const answers: (Response | undefined)[] = [];
    server.call(method, request).then(
      (answer) => answers.push(answer),
      (error: unknown) => isOver(error) && answers.push(undefined),
    );
    for (let passed = 0; passed < 30 && answers.length === 0 && !server.isDead; passed++) await server.clock.advance(1_000);
    if (!server.isDead) return answers[0];
    await server.beginAgain();
  }
  return assert.fail(`no answer to ${method.name}`);
}

const isStale = (error: unknown): boolean => error instanceof RpcError && error.code === Code.NOT_FOUND;

async function survives(death: Death): Promise<boolean> {
  const server = new MortalServer();
  await server.begin();
  server.diesAt(death);
  let died = false;
  const then = async <Request, Response>(method: Method<Request, Response>, request: Init<Request>, isOver?: (error: unknown) => boolean): Promise<Response | undefined> => {
    const lives = server.store;
    const answer = await insist(server, method, request, isOver);
    died ||= server.store !== lives;
    return answer;
  };
  const first = await then(StartActivityExecution, STARTED);
  const again = await then(StartActivityExecution, STARTED);
  assert.equal(again?.runId, first?.runId, 'the same request, the same activity');
  const poll = { namespace: NAMESPACE, taskQueue: { name: QUEUE }, identity: 'worker' };
  const failed = await then(PollActivityTaskQueue, poll);
  await then(RespondActivityTaskFailed, { taskToken: failed?.taskToken, failure: Failure.encode({ message: 'no', applicationFailureInfo: {} }) }, isStale);
  const task = await then(PollActivityTaskQueue, poll);
  assert.ok((task?.attempt ?? 0) >= 2);
  await then(RespondActivityTaskCompleted, { taskToken: task?.taskToken, result: payloads('out') }, isStale);
  const { info, outcome } = (await then(DescribeActivityExecution, { ...about, includeOutcome: true })) ?? assert.fail('not described');
  assert.equal(info?.status, ActivityExecutionStatus.COMPLETED);
  assert.ok(Buffer.from(outcome?.result ?? []).includes('out'));
  assert.equal(info?.runId, first?.runId);
  await server.engine.close();
  return died;
}

test('whichever write it dies in, the activity is started once and ends once', async () => {
  const deaths = await everyDeath(survives);
  assert.ok(deaths >= 8, `${deaths} deaths`);
});
