/**
 * A page of a list, as a machine asks for it: machines do no I/O, so it is a message to the courier that reads lists
 * (`frontend/executions-page.ts`), and its answer comes back as `delivered`.
 */

/** `kind` in the key of the courier. */
export const EXECUTIONS_PAGE_KIND = 'executions-page';

/** Which list. All of it stays the same over the pages of one walk. */
export interface PageQuery {
  /** Id of the namespace. */
  readonly namespace: string;
  /** Of the machines: `workflow`, `schedule`, … */
  readonly kind: string;
  /** In the language of list queries; `''`: all that lists know of, the server's own business included. Its ORDER BY is passed over. */
  readonly query: string;
  /** What relative times in it are relative to: the moment when the walk began, in milliseconds since the epoch. */
  readonly nowMs: number;
  /**
   * `created`: from the newest to the oldest, by the moment of creation, which nothing changes. `oldest-first`: the other way round; what
   * comes into being meanwhile is found at the end.
   */
  readonly order: 'created' | 'oldest-first';
  /** Executions in a page, at most. */
  readonly limit: number;
}

/** The input of the courier. */
export interface PageRequest {
  readonly query: PageQuery;
  /** `next` of the page before; `''` for the first one. */
  readonly after: string;
}

/** Its answer. A refusal (an `RpcError` in its place) says that the query will never be understood. */
export interface ExecutionsPage {
  readonly executions: readonly { readonly key: string; readonly machine: string }[];
  /** `undefined`: that was the last page. */
  readonly next: string | undefined;
}
