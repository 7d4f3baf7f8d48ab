/** What is measured. A scenario is one workflow driven to its end by one client call (or a few). */

export interface WorkflowClient {
  start(type: string, options: object): Promise<Handle>;
  getHandle(workflowId: string): Handle;
  readonly workflowService: { resetWorkflowExecution(request: object): Promise<unknown> };
}

interface Handle {
  result(): Promise<unknown>;
  signal(name: string, ...args: unknown[]): Promise<void>;
  query(name: string): Promise<unknown>;
  executeUpdate(name: string, options: { args: [number] }): Promise<unknown>;
}

export interface Scenario {
  readonly name: string;
  /** False: no worker runs, the workflows wait. */
  readonly needsWorker: boolean;
  /** One workflow from start to end. */
  readonly once: (client: WorkflowClient, taskQueue: string, workflowId: string) => Promise<void>;
  /** How many workflows one measurement runs for each slot in flight, at the least. */
  readonly weight: number;
}

const execute = (type: string) => async (client: WorkflowClient, taskQueue: string, workflowId: string) => {
  const handle = await client.start(type, { taskQueue, workflowId, args: [] });
  await handle.result();
};

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'start only',
    needsWorker: false,
    weight: 1,
    once: async (client, taskQueue, workflowId) => {
      await client.start('noop', { taskQueue, workflowId, args: [] });
    },
  },
  { name: 'no-op', needsWorker: true, weight: 1, once: execute('noop') },
  { name: '3 activities', needsWorker: true, weight: 1, once: execute('activities3') },
  { name: '50 parallel', needsWorker: true, weight: 0.1, once: execute('parallel50') },
  {
    name: '5 signals',
    needsWorker: true,
    weight: 1,
    once: async (client, taskQueue, workflowId) => {
      const handle = await client.start('signals5', { taskQueue, workflowId, args: [] });
      for (let i = 0; i < 5; i++) await handle.signal('poke', i);
      await handle.result();
    },
  },
  { name: '3 timers', needsWorker: true, weight: 1, once: execute('timers3') },
  {
    name: '5 updates',
    needsWorker: true,
    weight: 1,
    once: async (client, taskQueue, workflowId) => {
      const handle = await client.start('updates5', { taskQueue, workflowId, args: [] });
      for (let i = 0; i < 5; i++) await handle.executeUpdate('add', { args: [i] });
      await handle.result();
    },
  },
  { name: '10 children', needsWorker: true, weight: 0.2, once: execute('children10') },
  { name: '5 continue-as-new', needsWorker: true, weight: 0.2, once: execute('continueAsNew5') },
  { name: '5 local activities', needsWorker: true, weight: 1, once: execute('localActivities5') },
  { name: '5 external signals', needsWorker: true, weight: 0.2, once: execute('signalsExternal5') },
  {
    name: 'reset',
    needsWorker: true,
    weight: 1,
    // Runs its three activities, is reset to the end of its first workflow task, and runs them again.
    once: async (client, taskQueue, workflowId) => {
      const handle = await client.start('activities3', { taskQueue, workflowId, args: [] });
      await handle.result();
      await client.workflowService.resetWorkflowExecution({ namespace: 'default', workflowExecution: { workflowId }, workflowTaskFinishEventId: 4, reason: 'bench', requestId: workflowId });
      await client.getHandle(workflowId).result();
    },
  },
  { name: '250 timers of 1 ms', needsWorker: true, weight: 0.1, once: execute('timers250') },
];
