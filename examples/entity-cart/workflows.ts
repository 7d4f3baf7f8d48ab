/**
 * A shopping cart that is a workflow: one execution is one cart, for as long as it lives.
 *
 * Its variables are its state. Updates change it and answer, so a caller knows at once whether the article was taken; a query reads it;
 * a timer forgets a cart that nobody touches. The history of a busy cart would grow for ever, so it goes on in a fresh one from time to time.
 */
import {
  ApplicationFailure,
  condition,
  continueAsNewIfSuggested,
  defineQuery,
  defineUpdate,
  proxyActivities,
  setHandler,
} from 'perdure/workflow';
import type * as activities from './activities.js';

const { priceOf, placeOrder } = proxyActivities<typeof activities>({ startToCloseTimeout: '10 seconds' });

export interface Line {
  readonly article: string;
  readonly quantity: number;
  readonly cents: number;
}

const MOST_LINES = 50;
const FORGOTTEN_AFTER = '30 days';

export const addItem = defineUpdate<number, [article: string, quantity: number]>('addItem');
export const removeItem = defineUpdate<number, [article: string]>('removeItem');
export const checkOut = defineUpdate<string, []>('checkOut');
export const lines = defineQuery<readonly Line[]>('lines');

/** @returns the number of the order, or `forgotten`. */
export async function cart(customer: string, before: readonly Line[] = []): Promise<string> {
  const content = new Map(before.map((line) => [line.article, line]));
  let orderNumber: string | undefined;
  let touches = 0;

  setHandler(lines, () => [...content.values()]);
  setHandler(
    addItem,
    async (article, quantity) => {
      touches++;
      const cents = await priceOf(article);
      // While the price was looked up, another update may have changed the line.
      content.set(article, { article, quantity: (content.get(article)?.quantity ?? 0) + quantity, cents });
      return total(content);
    },
    {
      // A validator says no without a trace in the history.
      validator: (article, quantity) => {
        if (!Number.isInteger(quantity) || quantity < 1) throw ApplicationFailure.nonRetryable(`A quantity is a whole number from 1, not ${quantity}`, 'BadQuantity');
        if (content.size >= MOST_LINES && !content.has(article)) throw ApplicationFailure.nonRetryable(`A cart has ${MOST_LINES} lines at most`, 'CartFull');
      },
    },
  );
  setHandler(removeItem, (article) => {
    touches++;
    content.delete(article);
    return total(content);
  });
  setHandler(
    checkOut,
    async () => {
      orderNumber ??= await placeOrder(customer, [...content.values()]);
      return orderNumber;
    },
    {
      validator: () => {
        if (content.size === 0) throw ApplicationFailure.nonRetryable('The cart is empty', 'EmptyCart');
      },
    },
  );

  for (;;) {
    const seen = touches;
    const touched = await condition(() => orderNumber !== undefined || touches !== seen, FORGOTTEN_AFTER);
    if (orderNumber !== undefined) return orderNumber;
    if (!touched) return 'forgotten';
    await continueAsNewIfSuggested<typeof cart>(() => [customer, [...content.values()]]);
  }
}

function total(content: ReadonlyMap<string, Line>): number {
  return [...content.values()].reduce((cents, line) => cents + line.cents * line.quantity, 0);
}
