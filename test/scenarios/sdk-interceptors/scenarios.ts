/** Interceptors of clients, workflows and activities, headers that travel between them, and sinks. */
import assert from 'node:assert/strict';
import type { Client, WorkflowClientInterceptor } from 'perdure/client';
import { defaultPayloadConverter, type Headers } from 'perdure/common';
import type { ActivityInterceptorsFactory, InjectedSinks } from 'perdure/worker';
import { eventually, execute, failure, start, type Scenario, type Stage } from '../scenario.js';

const traced = (headers: Headers): Headers => ({ ...headers, trace: defaultPayloadConverter.toPayload('t1') });

/** A client like the stage's, whose calls carry a trace; `calls` notes them. */
function tracingClient(stage: Stage, calls: string[]): Client {
  const tracing: WorkflowClientInterceptor = {
    startWithDetails: (input, next) => {
      calls.push(`start ${input.workflowType}`);
      return next({ ...input, headers: traced(input.headers) });
    },
    signal: (input, next) => {
      calls.push(`signal ${input.signalName}`);
      return next({ ...input, headers: traced(input.headers) });
    },
    signalWithStart: (input, next) => next({ ...input, headers: traced(input.headers) }),
    query: (input, next) => next({ ...input, headers: traced(input.headers) }),
    startUpdate: (input, next) => next({ ...input, headers: traced(input.headers) }),
    startUpdateWithStart: (input, next) =>
      next({ ...input, workflowStartHeaders: traced(input.workflowStartHeaders), updateHeaders: traced(input.updateHeaders) }),
    describe: async (input, next) => {
      const described = await next(input);
      calls.push(`describe ${described.workflowExecutionInfo?.type?.name}`);
      return described;
    },
    cancel: (input, next) => {
      calls.push(`cancel ${input.workflowExecution.workflowId}`);
      return next(input);
    },
    terminate: (input, next) => next({ ...input, reason: `${input.reason}, traced` }),
  };
  const Constructor = stage.client.constructor as typeof Client;
  return new Constructor({ connection: stage.client.connection, namespace: stage.namespace, interceptors: { workflow: [tracing] } });
}

const shout: ActivityInterceptorsFactory = (context) => ({
  inbound: {
    async execute(input, next) {
      const trace = input.headers['trace'];
      const name = trace === undefined ? 'none' : defaultPayloadConverter.fromPayload<string>(trace);
      return `${String(await next(input))} ${name} ${context.info.activityType}`;
    },
  },
});

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'headers travel from the client through the workflow to activities, children and other workflows',
    covers: ['command:SCHEDULE_ACTIVITY_TASK', 'command:START_CHILD_WORKFLOW_EXECUTION', 'command:SIGNAL_EXTERNAL_WORKFLOW_EXECUTION'],
    worker: 'own',
    varies: 'which signals share a task',
    run: async (stage) => {
      await using _worker = await stage.worker({ interceptors: { activity: [shout] } });
      const calls: string[] = [];
      const client = tracingClient(stage, calls);
      const handle = await start({ ...stage, client }, 'outgoing', [stage.id('child'), stage.id('other')]);
      const result = (await handle.result()) as { greeting: string; local: string; fromChild: string[]; fromOther: string[]; seen: string[] };
      assert.deepEqual(calls, ['start outgoing']);
      assert.equal(result.greeting, 'hello Ada t1 greet');
      assert.equal(result.local, 'hello Bob t1 greet');
      assert.deepEqual(result.fromChild, ['outer execute t1', 'inner execute t1']);
      // Which comes first, the first signal or the start, is not said.
      assert.deepEqual([...result.fromOther].sort(), [
        ...['inner execute t1', 'inner signal finish t1', 'inner signal poke t1', 'inner signal poke t1'],
        ...['outer execute t1', 'outer signal finish t1', 'outer signal poke t1', 'outer signal poke t1'],
      ]);
      assert.deepEqual(result.seen, ['outer execute t1', 'inner execute t1', 'activity greet', 'timer 5']);
      const events = await stage.history(handle.workflowId);
      assert.equal(events.find((event) => event.timerStartedEventAttributes)?.timerStartedEventAttributes?.startToFireTimeout, 6);
      assert.equal(events.find((event) => event.activityTaskScheduledEventAttributes)?.activityTaskScheduledEventAttributes?.heartbeatTimeout, 7_000);
    },
  },
  {
    name: 'signals, queries and updates pass the interceptors of client and workflow',
    covers: ['rpc:SignalWorkflowExecution', 'rpc:QueryWorkflow', 'rpc:UpdateWorkflowExecution'],
    run: async (stage) => {
      const calls: string[] = [];
      const client = tracingClient(stage, calls);
      const handle = await start({ ...stage, client }, 'incoming');
      // An update that came before that would share the first task, or not.
      await eventually(async () => (await stage.history(handle.workflowId)).some((event) => event.workflowTaskCompletedEventAttributes), 'the first task');
      assert.deepEqual(await handle.executeUpdate('change', { args: ['abc'] }), ['outer', ['inner', 'ABC']]);
      const refused = await failure(handle.executeUpdate('change', { args: ['forbidden'] }));
      assert.equal(refused.cause?.message, 'outer forbids it');
      await handle.signal('poke', 'x');
      assert.deepEqual(await handle.query('state'), ['outer', 't1', ['inner', 't1', 'x!!']]);
      await handle.describe();
      await handle.signal('finish');
      assert.deepEqual(await handle.result(), {
        texts: ['x!!'],
        seen: [
          ...['outer execute t1', 'inner execute t1', 'outer update change t1', 'inner update change t1'],
          ...['outer signal poke t1', 'inner signal poke t1', 'outer signal finish t1', 'inner signal finish t1'],
        ],
      });
      assert.deepEqual(calls, ['start incoming', 'signal poke', 'describe incoming', 'signal finish']);
    },
  },
  {
    name: 'signal with start, update with start, cancel and terminate pass the interceptors of the client',
    covers: ['rpc:SignalWithStartWorkflowExecution', 'rpc:ExecuteMultiOperation', 'rpc:RequestCancelWorkflowExecution', 'rpc:TerminateWorkflowExecution'],
    varies: 'whether a signal comes before the start',
    run: async (stage) => {
      const calls: string[] = [];
      const { workflow } = tracingClient(stage, calls);
      const options = { taskQueue: stage.taskQueue, workflowId: stage.id('signalled'), args: [] as [] };
      const signalled = await workflow.signalWithStart('waiting', { ...options, signal: 'poke', signalArgs: ['x'] as [string] });
      await signalled.signal('finish');
      const seen = (await signalled.result()) as string[];
      assert.ok(seen.includes('outer execute t1') && seen.includes('inner signal poke t1'), seen.join());
      const handle = await workflow.start('incoming', { ...options, workflowId: stage.id('incoming') });
      await handle.terminate('enough');
      const events = await stage.history(handle.workflowId);
      assert.equal(events.at(-1)?.workflowExecutionTerminatedEventAttributes?.reason, 'enough, traced');
      const other = await workflow.start('incoming', { ...options, workflowId: stage.id('cancelled') });
      await other.cancel();
      await failure(other.result());
      assert.ok(calls.includes(`cancel ${other.workflowId}`));
      const { WithStartWorkflowOperation } = stage.sdk === 'ours' ? await import('perdure/client') : await officialClient();
      const startWorkflowOperation = new WithStartWorkflowOperation('incoming', { ...options, workflowId: stage.id('updated'), workflowIdConflictPolicy: 'FAIL' });
      assert.deepEqual(await workflow.executeUpdateWithStart('change', { args: ['abc'], startWorkflowOperation }), ['outer', ['inner', 'ABC']]);
      const updated = await startWorkflowOperation.workflowHandle();
      await updated.signal('finish');
      assert.deepEqual(((await updated.result()) as { seen: string[] }).seen.slice(0, 2).map((text) => text.split(' ').at(-1)), ['t1', 't1']);
    },
  },
  {
    name: 'the header of continue-as-new reaches the next run',
    covers: ['command:CONTINUE_AS_NEW_WORKFLOW_EXECUTION'],
    run: async (stage) => {
      const client = tracingClient(stage, []);
      assert.deepEqual(await execute({ ...stage, client }, 'chained', true), ['outer execute t1', 'inner execute t1']);
    },
  },
  {
    name: 'sinks are called once, in order, and in a replay only if they ask for it',
    covers: [],
    worker: 'own',
    run: async (stage) => {
      const noted: string[] = [];
      const always: string[] = [];
      const sinks: InjectedSinks<{ probe: { note(workflowId: string, text: string): void; noteAlways(workflowId: string, text: string): void } }> = {
        probe: {
          note: { fn: (info, workflowId, text) => void noted.push(`${info.workflowType} ${workflowId === info.workflowId} ${text}`) },
          noteAlways: { callDuringReplay: true, fn: async (_info, _workflowId, text) => void always.push(text) },
        },
      };
      await using _worker = await stage.worker({ sinks });
      await execute(stage, 'sinking');
      await eventually(() => noted.length >= 3);
      assert.deepEqual(noted, ['sinking true begun', 'sinking true slept', 'sinking true greeted']);
      // One task each for the start, the timer and the activity.
      assert.equal(always.length, stage.cached ? 1 : 3);
    },
  },
];

async function officialClient(): Promise<typeof import('perdure/client')> {
  const { loadClient } = await import('../../../bench/sdk.js');
  return loadClient('official');
}
