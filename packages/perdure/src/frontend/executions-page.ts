/**
 * Reads a page of a list for a machine that walks it (`machines/batch/sweep/`): the courier of such messages.
 *
 * A query that cannot be understood is refused for good; a store that cannot be read is asked again by the outbox.
 */
import type { Courier, Host } from '../host/host.js';
import { EXECUTIONS_PAGE_KIND, type ExecutionsPage, type PageRequest } from '../machines/batch/sweep/page.js';
import { Code, RpcError } from '../protocol/index.js';
import { CREATION_ATTRIBUTE } from '../visibility/condition.js';
import type { NamespaceRegistry } from './namespace-registry.js';
import { listedOf } from './standalone-list.js';
import { listQuery } from './visibility.js';

export class ExecutionsPageCourier implements Courier {
  readonly kind = EXECUTIONS_PAGE_KIND;
  #rooms: { readonly host: Host; readonly namespaces: NamespaceRegistry } | undefined;

  /** Until then nothing is reached: the host needs its couriers before there is anything to read. */
  open(rooms: { readonly host: Host; readonly namespaces: NamespaceRegistry }): void {
    this.#rooms = rooms;
  }

  async deliver(input: unknown): Promise<ExecutionsPage | RpcError> {
    if (this.#rooms === undefined) throw new RpcError(Code.UNAVAILABLE, 'The server is starting.');
    const { host, namespaces } = this.#rooms;
    const { query, after } = input as PageRequest;
    const { namespace, kind, nowMs, limit } = query;
    const order = [{ attribute: CREATION_ATTRIBUTE, descending: query.order === 'created' }];
    try {
      const condition = query.query === '' ? undefined : listQuery(query.query, namespaces.getById(namespace), nowMs, listedOf(kind)).condition;
      const { items, next } = await host.list({ kind, namespace, condition, order, limit, after: after === '' ? undefined : after });
      return { executions: items.map(({ key, machine }) => ({ key, machine })), next };
    } catch (error) {
      if (error instanceof RpcError && error.code !== Code.UNAVAILABLE) return error;
      throw error;
    }
  }
}
