import { ApplicationFailure } from '@temporalio/activity';

const PRICES: Record<string, number> = { apple: 40, bread: 320, cheese: 750 };

export async function priceOf(article: string): Promise<number> {
  const price = PRICES[article];
  if (price === undefined) throw ApplicationFailure.nonRetryable(`No article ${article}`, 'NoSuchArticle');
  return price;
}

export async function placeOrder(customer: string, lines: Record<string, number>): Promise<string> {
  return `${customer}/${Object.keys(lines).sort().join('+')}`;
}
