/**
 * What the compiler infers from schemas, and what it refuses. Compiling this file is the test: an error that no longer happens makes its
 * `@ts-expect-error` an error.
 */
import * as v from 'valibot';
import { z } from 'zod';
import type { Client } from '../client/index.js';
import { defineActivity } from '../common/index.js';
import { defineQuery, defineSignal, defineUpdate, defineWorkflow, executeChild, proxyActivities, setHandler, type Handler } from './index.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function assertType<_T extends true>(): void {}

declare const client: Client;

/** Callers give a text, handlers get a number. */
const Amount = z.object({ amount: z.string().transform(Number) });
const pay = defineSignal({ name: 'pay', input: Amount });
const close = defineSignal({ name: 'close' });
const total = defineQuery({ name: 'total', input: v.object({ unit: v.string() }), output: v.number() });
const add = defineUpdate({ name: 'add', input: z.object({ sku: z.string(), quantity: z.number().default(1) }), output: z.date().transform((date) => date.toISOString()) });
const optional = defineUpdate({ name: 'optional', input: z.string().optional() });

const order = defineWorkflow({ name: 'order', input: Amount, output: z.object({ id: z.string() }) }, async (input) => {
  assertType<Equal<typeof input, { amount: number }>>();
  return { id: String(input.amount) };
});
// @ts-expect-error -- the result is not what the schema takes
export const wrong = defineWorkflow({ name: 'wrong', output: z.string() }, async () => 7);
const plain = defineWorkflow({ name: 'plain' }, async () => 7);

const charge = defineActivity({ name: 'charge', input: Amount, output: z.number() }, ({ amount }) => amount);

export async function inWorkflow(): Promise<void> {
  assertType<Equal<Handler<typeof pay>, (input: { amount: number }) => void | Promise<void>>>();
  setHandler(pay, ({ amount }) => assertType<Equal<typeof amount, number>>());
  setHandler(close, () => undefined);
  setHandler(total, ({ unit }) => unit.length);
  // @ts-expect-error -- the query's result is a number
  setHandler(total, ({ unit }) => unit);
  setHandler(add, ({ sku, quantity }) => new Date(sku.length + quantity), {
    validator: ({ quantity }) => assertType<Equal<typeof quantity, number>>(),
  });
  // @ts-expect-error -- handlers give what the schema takes, not what it makes of it
  setHandler(add, () => 'today');
  const receipt = await executeChild(order, { args: [{ amount: '7' }] });
  assertType<Equal<typeof receipt, { id: string }>>();
  // @ts-expect-error -- callers give a text
  await executeChild(order, { args: [{ amount: 7 }] });
  const activities = proxyActivities<{ charge: typeof charge }>({ startToCloseTimeout: 1 });
  const charged = await activities.charge({ amount: '7' });
  assertType<Equal<typeof charged, number>>();
}

export async function inClient(): Promise<void> {
  const where = { taskQueue: 'q', workflowId: 'w' };
  const handle = await client.workflow.start(order, { ...where, args: [{ amount: '7' }] });
  assertType<Equal<Awaited<ReturnType<typeof handle.result>>, { id: string }>>();
  // @ts-expect-error -- the input is missing
  await client.workflow.start(order, where);
  const seven = await client.workflow.execute(plain, where);
  assertType<Equal<typeof seven, number>>();
  await handle.signal(pay, { amount: '7' });
  // @ts-expect-error -- callers give a text
  await handle.signal(pay, { amount: 7 });
  await handle.signal(close);
  const sum = await handle.query(total, { unit: 'cents' });
  assertType<Equal<typeof sum, number>>();
  const added = await handle.executeUpdate(add, { args: [{ sku: 'a' }] });
  assertType<Equal<typeof added, string>>();
  await handle.executeUpdate(optional);
  // @ts-expect-error -- the name of the field is sku
  await handle.executeUpdate(add, { args: [{ sku2: 'a' }] });
}
