import { ApplicationFailure, activityInfo } from 'perdure/activity';
import type { Line } from './workflows.js';

const PRICES: Readonly<Record<string, number>> = { apple: 40, bread: 320, cheese: 750 };

export async function priceOf(article: string): Promise<number> {
  const cents = PRICES[article];
  if (cents === undefined) throw ApplicationFailure.nonRetryable(`There is no article ${article}`, 'NoSuchArticle');
  return cents;
}

/** The key is the same for each attempt: a shop that remembers it takes the order once. */
export async function placeOrder(customer: string, content: readonly Line[]): Promise<string> {
  return `${customer}: ${content.length} lines, key ${activityInfo().idempotencyKey}`;
}
