/** Activities with schemas, for `definitions.test.ts`. */
import { defineActivity } from 'perdure/activity';
import { z } from 'zod';

const Sku = z.object({ sku: z.string(), currency: z.string().default('EUR') });

/** The schema asks somebody else: an activity may. */
const KnownSku = Sku.refine(async ({ sku }) => Promise.resolve(sku !== 'unknown'), { message: 'is not known', path: ['sku'] });

export const price = defineActivity({ name: 'price', input: KnownSku, output: z.string() }, async ({ sku, currency }) => `${sku} 7 ${currency}`);

export const breaks = defineActivity({ name: 'breaks', input: Sku, output: z.object({ price: z.number() }) }, () => ({ price: 'seven' }) as never);
