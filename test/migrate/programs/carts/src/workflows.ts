import { HandlerUnfinishedPolicy } from '@temporalio/common';
import * as wf from '@temporalio/workflow';
import type * as activities from './activities.js';

export interface Line {
  readonly article: string;
  readonly quantity: number;
}

export interface CartState {
  readonly lines: Record<string, number>;
  readonly touches: number;
  readonly generation: number;
  readonly unknown: string[];
}

export type Closing = { readonly kind: 'ordered'; readonly number: string } | { readonly kind: 'abandoned' };

const { priceOf, placeOrder } = wf.proxyActivities<typeof activities>({ startToCloseTimeout: '10s' });

export const put = wf.defineUpdate<number, [Line]>('put');
export const checkOut = wf.defineUpdate<string>('checkOut');
export const drop = wf.defineSignal<[article: string]>('drop');
export const abandon = wf.defineSignal('abandon');
export const state = wf.defineQuery<CartState>('state');
export const quantityOf = wf.defineQuery<number, [string]>('quantityOf');

const TOUCHES_A_RUN = 5;

/** A cart lives as long as its customer likes: each run takes a few touches, then the next one goes on. */
export async function cart(customer: string, before: CartState = { lines: {}, touches: 0, generation: 1, unknown: [] }): Promise<Closing> {
  const lines = new Map(Object.entries(before.lines));
  const unknown = [...before.unknown];
  let touches = before.touches;
  let touchesOfRun = 0;
  let closing: Closing | undefined;
  const current = (): CartState => ({ lines: Object.fromEntries(lines), touches, generation: before.generation, unknown });
  const touched = (): void => {
    touches++;
    touchesOfRun++;
  };

  wf.setHandler(state, current);
  wf.setHandler(quantityOf, (article) => lines.get(article) ?? 0);
  wf.setHandler(drop, (article) => {
    lines.delete(article);
    touched();
  });
  wf.setHandler(abandon, () => void (closing = { kind: 'abandoned' }), { description: 'the customer went away' });
  wf.setHandler(
    put,
    async ({ article, quantity }) => {
      touched();
      const price = await priceOf(article);
      lines.set(article, (lines.get(article) ?? 0) + quantity);
      wf.upsertMemo({ lines: lines.size });
      return price * quantity;
    },
    {
      validator: ({ quantity }) => {
        if (quantity < 1) throw new RangeError(`${quantity} is not a quantity`);
      },
    },
  );
  wf.setHandler(checkOut, async () => {
    if (lines.size === 0) throw wf.ApplicationFailure.nonRetryable('The cart is empty', 'EmptyCart');
    const number = await placeOrder(customer, Object.fromEntries(lines));
    closing = { kind: 'ordered', number };
    return number;
  });
  wf.setDefaultSignalHandler((name, ...args) => {
    unknown.push(`${name}(${args.join()})`);
  });

  await wf.condition(() => closing !== undefined || touchesOfRun >= TOUCHES_A_RUN || wf.workflowInfo().continueAsNewSuggested);
  await wf.condition(wf.allHandlersFinished);
  if (closing !== undefined) return closing;
  return wf.continueAsNew<typeof cart>(customer, { ...current(), generation: before.generation + 1 });
}

/** Ends while an update is at work, on purpose. */
export async function hasty(): Promise<string> {
  let asked = false;
  wf.setHandler(
    wf.defineUpdate<void>('slow'),
    async () => {
      asked = true;
      await wf.sleep('1 hour');
    },
    { unfinishedPolicy: HandlerUnfinishedPolicy.ABANDON },
  );
  await wf.condition(() => asked);
  return 'gone';
}
