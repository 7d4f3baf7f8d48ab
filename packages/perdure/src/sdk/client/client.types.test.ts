/**
 * What the compiler infers and refuses for callers of the client. Compiling this file is the test: an error that no longer happens makes
 * its `@ts-expect-error` an error.
 */
import {
  defineQuery,
  defineSignal,
  defineUpdate,
  type Duration,
  type RetryPolicy,
  type SearchAttributePair,
  defineSearchAttributeKey,
} from '../common/index.js';
import type { Client } from './client.js';
import type { WithStartWorkflowOperation as StartOperation } from './update-with-start.js';
import type { WorkflowHandle } from './workflow-handle.js';

interface Order {
  readonly id: string;
  readonly quantity: number;
}
interface Receipt {
  readonly total: number;
}

declare const client: Client;
declare const WithStartWorkflowOperation: typeof StartOperation;
declare function orderWorkflow(order: Order, express?: boolean): Promise<Receipt>;
declare function tick(): Promise<void>;
declare function sometimes(note?: string): Promise<string>;

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function assertType<_T extends true>(): void {}

const where = { workflowId: 'w', taskQueue: 'q' };
const order: Order = { id: 'a', quantity: 1 };

export async function starting(): Promise<void> {
  const handle = await client.workflow.start(orderWorkflow, { ...where, args: [order] });
  await client.workflow.start(orderWorkflow, { ...where, args: [order, true] });
  const receipt = await handle.result();
  assertType<Equal<typeof receipt, Receipt>>();
  const executed = await client.workflow.execute(orderWorkflow, { ...where, args: [order] });
  assertType<Equal<typeof executed, Receipt>>();
  const nothing = await client.workflow.execute(tick, where);
  assertType<Equal<typeof nothing, void>>();
  assertType<Equal<typeof handle.firstExecutionRunId, string>>();

  // @ts-expect-error the workflow has a required parameter
  await client.workflow.start(orderWorkflow, where);
  // @ts-expect-error of another type
  await client.workflow.start(orderWorkflow, { ...where, args: ['a'] });
  // @ts-expect-error too many
  await client.workflow.start(tick, { ...where, args: [1] });
  // @ts-expect-error no task queue
  await client.workflow.start(tick, { workflowId: 'w' });
  // @ts-expect-error no workflow id
  await client.workflow.start(tick, { taskQueue: 'q' });
  // @ts-expect-error not a workflow: not asynchronous
  await client.workflow.start((): number => 1, where);

  await client.workflow.start(sometimes, where);
  await client.workflow.start(sometimes, { ...where, args: ['x'] });
  const byName = await client.workflow.start('orderWorkflow', { ...where, args: [order] });
  await byName.result();
  const named = await client.workflow.start<typeof orderWorkflow>('orderWorkflow', { ...where, args: [order] });
  assertType<Equal<Awaited<ReturnType<typeof named.result>>, Receipt>>();
}

export async function handles(): Promise<void> {
  const handle = client.workflow.getHandle<typeof orderWorkflow>('w');
  assertType<Equal<typeof handle, WorkflowHandle<typeof orderWorkflow>>>();
  const add = defineSignal<[item: string, count: number]>('add');
  const close = defineSignal('close');
  const status = defineQuery<'open' | 'closed'>('status');
  const item = defineQuery<number, [name: string]>('item');
  await handle.signal(add, 'book', 2);
  await handle.signal(close);
  await handle.signal('by name');
  // @ts-expect-error an argument is missing
  await handle.signal(add, 'book');
  // @ts-expect-error an argument of another type
  await handle.signal(add, 'book', 'two');
  // @ts-expect-error the signal has no arguments
  await handle.signal(close, 1);
  const state = await handle.query(status);
  assertType<Equal<typeof state, 'open' | 'closed'>>();
  const count = await handle.query(item, 'book');
  assertType<Equal<typeof count, number>>();
  const untyped = await handle.query<string, [number]>('by name', 1);
  assertType<Equal<typeof untyped, string>>();
  // @ts-expect-error an argument is missing
  await handle.query(item);
  // @ts-expect-error an update is not a query
  await handle.query(defineUpdate<number>('u'));
  // @ts-expect-error a query is not a signal
  await handle.signal(status);
  const description = await handle.describe();
  assertType<Equal<typeof description.startTime, Date>>();

  await client.workflow.signalWithStart(orderWorkflow, { ...where, args: [order], signal: add, signalArgs: ['book', 2] });
  await client.workflow.signalWithStart(orderWorkflow, { ...where, args: [order], signal: close });
  // @ts-expect-error the signal's arguments are missing
  await client.workflow.signalWithStart(orderWorkflow, { ...where, args: [order], signal: add });
  // @ts-expect-error the workflow's arguments are missing
  await client.workflow.signalWithStart(orderWorkflow, { ...where, signal: close });
}

export async function updates(): Promise<void> {
  const handle = client.workflow.getHandle<typeof orderWorkflow>('w');
  const add = defineUpdate<number, [item: string, count: number]>('add');
  const close = defineUpdate<'closed'>('close');
  const total = await handle.executeUpdate(add, { args: ['book', 2] });
  assertType<Equal<typeof total, number>>();
  const closed = await handle.executeUpdate(close);
  assertType<Equal<typeof closed, 'closed'>>();
  await handle.executeUpdate(close, { updateId: 'once' });
  const byName = await handle.executeUpdate<string, [number]>('by name', { args: [1] });
  assertType<Equal<typeof byName, string>>();
  const update = await handle.startUpdate(add, { args: ['book', 2], waitForStage: 'ACCEPTED' });
  const later = await update.result();
  assertType<Equal<typeof later, number>>();
  // @ts-expect-error the arguments are missing
  await handle.executeUpdate(add);
  // @ts-expect-error an argument of another type
  await handle.executeUpdate(add, { args: ['book', 'two'] });
  // @ts-expect-error the stage is missing
  await handle.startUpdate(close, {});
  // @ts-expect-error nobody can wait for less
  await handle.startUpdate(close, { waitForStage: 'ADMITTED' });
  // @ts-expect-error a query is not an update
  await handle.executeUpdate(defineQuery<number>('q'));

  const start = new WithStartWorkflowOperation(orderWorkflow, { ...where, args: [order], workflowIdConflictPolicy: 'USE_EXISTING' });
  const both = await client.workflow.executeUpdateWithStart(add, { args: ['book', 2], startWorkflowOperation: start });
  assertType<Equal<typeof both, number>>();
  const handleOfBoth = await start.workflowHandle();
  assertType<Equal<typeof handleOfBoth, WorkflowHandle<typeof orderWorkflow>>>();
  // @ts-expect-error the conflict policy must be chosen
  const refused = new WithStartWorkflowOperation(orderWorkflow, { ...where, args: [order] });
  void refused;
}

export function options(): void {
  const good: Duration[] = [5, '5', '5s', '5 minutes', '1.5h', '2 Days', '1 WEEK'];
  // @ts-expect-error no such unit
  good.push('5 parsecs');
  // @ts-expect-error no number
  good.push('soon');
  const retry: RetryPolicy = { initialInterval: '1s', maximumAttempts: 3 };
  // @ts-expect-error not a number
  retry.maximumAttempts = 'many';
  const pairs: SearchAttributePair[] = [{ key: defineSearchAttributeKey('Count', 'INT'), value: 1 }];
  // @ts-expect-error a text is not an INT
  pairs.push({ key: defineSearchAttributeKey('Count', 'INT'), value: 'one' });
}
