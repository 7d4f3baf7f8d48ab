/**
 * A simulation is worth what it finds, and that it finds the same again. So: bugs that only a crash, a retry or a replay shows are found,
 * the printed plan repeats them, and two simulations of the same seeds are the same to the byte.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { activityInfo } from '../sdk/activity/index.js';
import type { Workflow } from '../sdk/common/index.js';
import { SimulationError, simulate, type SimulationOptions } from './index.js';
import type * as workflows from './test-workflows.js';

const workflowsPath = fileURLToPath(new URL('./test-workflows.js', import.meta.url));

interface Bank {
  balance: number;
  readonly done: Set<string>;
}

const transferring: SimulationOptions<typeof workflows.transfer, Bank> = {
  workflowsPath,
  args: [5],
  setup: () => ({ balance: 10, done: new Set() }),
  activities: (bank) => {
    const once = (effect: () => void): void => {
      const { idempotencyKey } = activityInfo();
      if (!bank.done.has(idempotencyKey)) effect();
      bank.done.add(idempotencyKey);
    };
    return {
      withdraw: async (cents: number) => once(() => (bank.balance -= cents)),
      deposit: async (cents: number) => once(() => (bank.balance += cents)),
    };
  },
  finally: ({ state, result, nowMs }) => {
    assert.equal(result, 'moved');
    assert.equal(state.balance, 10);
    assert.ok(nowMs >= 3_600_000 - 60_000);
  },
};

/** With an activity that does its work again when it is tried again. */
const careless: typeof transferring = {
  ...transferring,
  activities: (bank) => ({ withdraw: async (cents: number) => void (bank.balance -= cents), deposit: async (cents: number) => void (bank.balance += cents) }),
};

async function failureOf<W extends Workflow, State>(workflow: string, options: SimulationOptions<W, State>): Promise<SimulationError> {
  const error = await simulate<W, State>(workflow, options).then(
    () => assert.fail('the simulation found nothing'),
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof SimulationError, String(error));
  return error;
}

test('a workflow that is right survives every seed, and each kind of fault has struck', async () => {
  const report = await simulate<typeof workflows.transfer, Bank>('transfer', { ...transferring, seeds: 120 });
  assert.equal(report.seeds, 120);
  for (const kind of ['serverCrash', 'workerCrash', 'workerCrashInCall', 'requestLost', 'replyLost', 'duplicate', 'requestDelayed', 'replyDelayed', 'readRefused', 'readSlow'] as const) {
    assert.ok((report.faults[kind] ?? 0) > 0, kind);
  }
});

test('the same seeds are the same simulation, byte for byte', async () => {
  const simulateAgain = (firstSeed: number) => simulate<typeof workflows.transfer, Bank>('transfer', { ...transferring, seeds: 25, firstSeed });
  const [once, twice, others] = [await simulateAgain(1), await simulateAgain(1), await simulateAgain(26)];
  assert.deepEqual(once, twice);
  assert.notEqual(once.fingerprint, others.fingerprint);
});

test('simulations that run at the same time do not disturb each other', async () => {
  const simulateSome = () => simulate<typeof workflows.transfer, Bank>('transfer', { ...transferring, seeds: 10 });
  const alone = await simulateSome();
  const together = await Promise.all([simulateSome(), simulateSome()]);
  assert.deepEqual(together, [alone, alone]);
});

test('an activity that is not idempotent is found, and the plan that is printed repeats it with as few faults as it takes', async () => {
  const error = await failureOf('transfer', { ...careless, seeds: 300 });
  assert.match(error.message, /An invariant does not hold, in seed \d+/);
  assert.equal(error.faults.length, 1, 'one lost answer of an activity suffices');
  assert.ok(error.message.includes(`seed: ${error.seed},`) && error.message.includes(`kind: '${error.faults[0]?.kind}'`));
  const again = await failureOf('transfer', { ...careless, seed: error.seed, faults: error.faults, deliveries: error.deliveries });
  assert.equal(again.message, error.message);
  await simulate<typeof workflows.transfer, Bank>('transfer', { ...careless, seed: error.seed, faults: [] });
});

test('an invariant along the way is looked at after each commit', async () => {
  const seen: number[] = [];
  const error = await failureOf('transfer', {
    ...transferring,
    always: ({ events, state }) => {
      seen.push(events().length);
      assert.ok(state.balance >= 10, 'too low');
    },
  });
  assert.match(error.message, /in seed 0: too low/);
  assert.ok(seen.length >= 2);
});

test('workflow code that goes another way when it is replayed is found', async () => {
  const options = { workflowsPath, activities: { withdraw: async () => {}, deposit: async () => {} } };
  assert.match((await failureOf<typeof workflows.forgetful, undefined>('forgetful', options)).message, /goes another way when it is replayed/);
});

test('workflow code that breaks is found, with its error', async () => {
  const options = { workflowsPath, activities: { withdraw: async () => {} } };
  assert.match((await failureOf<typeof workflows.broken, undefined>('broken', options)).message, /The workflow code breaks, in seed 0: .*not a failure of the workflow, but of its code/);
});

test('a workflow that waits for what does not come is found, unless it may', async () => {
  const error = await failureOf<typeof workflows.waiting, undefined>('waiting', { workflowsPath });
  assert.match(error.message, /does not end, in seed 0: Nothing is due any more.*waits for: a message/);
  await simulate<typeof workflows.waiting, undefined>('waiting', { workflowsPath, mayStayOpen: true, seeds: 3 });
  await simulate<typeof workflows.waiting, undefined>('waiting', { workflowsPath, seeds: 40, messages: [{ send: (handle) => handle.signal('confirm') }] });
});

test('updates and queries are answered once each, whatever dies meanwhile', async () => {
  const send = (value: number) => ({ send: (handle: { executeUpdate(name: string, options: { args: [number] }): Promise<unknown> }) => handle.executeUpdate('add', { args: [value] }), within: '30 seconds' as const });
  await simulate<typeof workflows.sums, undefined>('sums', {
    workflowsPath,
    seeds: 60,
    messages: [send(1), send(2), send(3), { send: (handle) => handle.query('total'), optional: true }],
    finally: ({ result, messages }) => {
      assert.equal(result, 6);
      const sums = messages.flatMap((outcome) => (outcome.message < 3 ? ['value' in outcome ? outcome.value : outcome.error] : []));
      assert.ok(sums.includes(6), String(sums));
    },
  });
});

test('mocked child workflows answer the same in each life of a worker', async () => {
  await simulate<typeof workflows.parent, undefined>('parent', {
    workflowsPath,
    seeds: 40,
    setup: ({ mock }) => void mock.childWorkflow('shipment').returnsOnce('parcel', { after: '3 days' }),
    finally: ({ result }) => assert.equal(result, 'parcel'),
  });
});

test('a program of many parts: task queues, local activities, sinks, search attributes, other workflows that a client starts', async () => {
  let companions = 0;
  const report = await simulate<typeof workflows.program, { packed: Set<string>; notes: string[] }>('program', {
    workflowsPath,
    args: ['lamp'],
    seeds: 30,
    setup: () => ({ packed: new Set(), notes: [] }),
    activities: { weigh: async () => 7 },
    taskQueues: {
      warehouse: {
        workers: 2,
        activities: ({ packed }) => ({ pack: async (what: string) => (packed.add(activityInfo().idempotencyKey), `parcel with ${what}`) }),
      },
    },
    searchAttributes: { Stage: 'Keyword' },
    sinks: ({ notes }) => ({ audit: { note: { fn: (_info, text: string) => void notes.push(text) } } }),
    messages: [
      {
        send: async (handle, _state, client) => {
          await client.workflow.execute('delivery', { workflowId: 'companion', taskQueue: 'warehouse', args: ['other', 2] });
          companions += 1;
          const found = await client.workflow.count(`Stage = 'packing' AND WorkflowId = '${handle.workflowId}'`);
          assert.equal(found.count, 1);
        },
      },
    ],
    finally: ({ state, result, messages }) => {
      assert.equal(result, 'parcel with lamp of 7');
      assert.equal(state.packed.size, 1);
      assert.ok(state.notes.includes('packed lamp'));
      assert.deepEqual(messages, [{ message: 0, value: undefined }]);
    },
  });
  assert.equal(companions, 31, 'in the rehearsal and in each seed');
  assert.ok((report.faults.workerCrash ?? 0) > 0);
});

test('options that contradict each other are refused', async () => {
  await assert.rejects(simulate('transfer', {}), /give either workflowsPath or workflowBundle/);
  await assert.rejects(simulate('transfer', { workflowsPath, faults: [] }), /give its `seed`/);
  await assert.rejects(simulate('transfer', { workflowsPath, taskQueues: { other: { workers: 0 } } }), /Task queue 'other' needs at least one worker, not 0/);
  await assert.rejects(simulate('transfer', { workflowsPath, taskQueues: { simulated: {} } }), /Task queue 'simulated' is that of the workflow/);
  await assert.rejects(simulate('unknown', { workflowsPath }), /does not export 'unknown'. It exports: .*transfer/);
});
