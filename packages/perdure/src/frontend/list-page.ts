/** A page of a list as clients ask for it, whatever is listed: the page token is the store's cursor. */
import type { Host } from '../host/host.js';
import { EMPTY } from '../protocol/index.js';
import { invalidArgument } from './refusals.js';

type ListRequest = Omit<Parameters<Host['list']>[0], 'after'>;
type Items = Awaited<ReturnType<Host['list']>>['items'];

/** @throws RpcError INVALID_ARGUMENT the token is none of this list; UNAVAILABLE the store cannot be read */
export async function listPage(host: Pick<Host, 'list'>, request: ListRequest, token: Uint8Array): Promise<{ readonly items: Items; readonly nextPageToken: Uint8Array }> {
  const after = token.byteLength === 0 ? undefined : Buffer.from(token).toString('latin1');
  const { items, next } = await host.list({ ...request, after }).catch((error: unknown) => {
    throw error instanceof RangeError ? invalidArgument('Invalid next page token: send the one of the page before, with the same query.') : error;
  });
  return { items, nextPageToken: next === undefined ? EMPTY : Buffer.from(next, 'latin1') };
}

/** How many all groups of a count hold together. */
export function totalOf(groups: readonly { readonly count: number }[]): number {
  return groups.reduce((sum, { count }) => sum + count, 0);
}
