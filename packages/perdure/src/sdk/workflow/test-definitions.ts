/** Workflows with schemas of real libraries, for `definitions.test.ts`. */
import * as v from 'valibot';
import {
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  defineWorkflow,
  executeChild,
  proxyActivities,
  setHandler,
  type ApplicationFailure,
} from 'perdure/workflow';
import { z } from 'zod';
import type * as activities from './test-definition-activities.js';

export const Order = z.object({
  id: z.string(),
  // A transformation that would show if it were made twice.
  note: z.string().transform((note) => `<${note}>`).default('-'),
  items: z.array(z.object({ sku: z.string(), quantity: z.number().int().positive() })).min(1),
});

export const pay = defineSignal({ name: 'pay', input: z.object({ amount: z.coerce.bigint() }) });
export const close = defineSignal({ name: 'close' });
export const paid = defineQuery({ name: 'paid', input: v.object({ unit: v.picklist(['cents', 'euros']) }), output: z.string() });
export const addItem = defineUpdate({
  name: 'addItem',
  input: v.object({ sku: v.string(), quantity: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 1) }),
  output: z.number(),
});
export const broken = defineUpdate({ name: 'broken', output: z.number() });
export const slow = defineUpdate({ name: 'slow', input: z.string().refine(async (text) => text !== '') });

const { price, breaks } = proxyActivities<typeof activities>({ startToCloseTimeout: '1 minute', retry: { maximumAttempts: 2, initialInterval: 1 } });

export const order = defineWorkflow({ name: 'order', input: Order, output: z.object({ summary: z.string() }) }, async ({ id, note, items }) => {
  let cents = 0n;
  let closed = false;
  const more: string[] = [];
  setHandler(pay, ({ amount }) => void (cents += amount));
  setHandler(close, () => void (closed = true));
  setHandler(paid, ({ unit }) => (unit === 'cents' ? `${cents}` : `${cents / 100n}`));
  setHandler(
    addItem,
    ({ sku, quantity }) => more.push(`${quantity} ${sku}`),
    {
      validator: ({ quantity }) => {
        if (quantity > 10) throw new Error('at most 10');
      },
    },
  );
  setHandler(broken, () => 'not a number' as unknown as number);
  setHandler(slow, () => undefined);
  await condition(() => closed);
  return { summary: [id, note, `${items.length} items`, `${cents} cents`, ...more].join(', ') };
});

/** Calls others with what does not fit, and tells how they refuse. */
export async function caller(): Promise<string[]> {
  const told: string[] = [];
  const tell = (error: unknown): void => {
    const failure = ((error as Error).cause ?? error) as ApplicationFailure;
    told.push(`${failure.type} ${failure.nonRetryable} ${failure.message}`);
  };
  await executeChild(order, { args: [{ id: 'child', items: [] }] }).catch(tell);
  await price({ sku: 7 } as never).catch(tell);
  await breaks({ sku: 'x' }).catch(tell);
  told.push(String(await price({ sku: 'x' })));
  return told;
}
