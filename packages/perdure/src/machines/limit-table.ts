/**
 * How limits are written down: one table for each room, one row for each limit.
 *
 * The row is the only place that knows a limit's key, default, unit and consequence. The code that enforces a limit reads the values
 * made from its table; the server reads the keys to take settings; `docs/reference/limits.md` is generated from the rows. So a limit
 * cannot be enforced without being documented and configurable.
 *
 * @example
 * ```ts
 * export const CAKE_LIMITS = {
 *   // How many guests may be invited.
 *   guests: { key: 'limit.guests', default: 12, unit: 'count', of: 'guests of one party', beyond: 'INVALID_ARGUMENT' },
 * } satisfies LimitTable;
 * export type CakeLimits = LimitValues<typeof CAKE_LIMITS>;
 * export const DEFAULT_CAKE_LIMITS: CakeLimits = defaultsOf(CAKE_LIMITS);
 * ```
 */

export type LimitUnit = 'bytes' | 'count' | 'ms' | 'per second';

export interface Limit {
  /** Names the setting for operators. Temporal's server's key wherever it has the same limit, so that settings carry over. */
  readonly key: string;
  readonly default: number;
  readonly unit: LimitUnit;
  /** What is bounded, for example `one payload list`. */
  readonly of: string;
  /** What happens beyond it: the code of the refusal, the cause of the failure, or what the server does instead. */
  readonly beyond: string;
  /** The smallest value that makes sense. Default: 0. */
  readonly least?: number;
  /** The largest value that makes sense. Default: none. */
  readonly most?: number;
  /** Holds for the process as a whole: it cannot differ between namespaces. */
  readonly perServer?: true;
}

export type LimitTable = { readonly [name: string]: Limit };

/** The values of a table's limits, by their names. */
export type LimitValues<Table extends LimitTable> = { readonly [Name in keyof Table]: number };

export function defaultsOf<Table extends LimitTable>(table: Table): LimitValues<Table> {
  return Object.fromEntries(Object.entries(table).map(([name, limit]) => [name, limit.default])) as LimitValues<Table>;
}
