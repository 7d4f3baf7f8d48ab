/**
 * Settings as operators write them (a key of Temporal's server, a value in JSON) turned into values of limits.
 *
 * Used for the settings of the server at its start, and for those of a namespace, which live in the namespace's data. Keys are compared
 * without regard to case, as Temporal's server does. A duration is a text like `10s`, `1m30s` or `500ms`, or a number of seconds; every
 * other limit is a whole number.
 */
import type { Limit, LimitTable } from '../machines/limit-table.js';
import { near } from '../text/near.js';

export interface LimitSetting {
  /** Name of the row, which is the name of the value in the code. */
  readonly name: string;
  readonly value: number;
}

/** The rows of several tables, by their keys. */
export class LimitCatalogue {
  readonly #byKey = new Map<string, { readonly name: string; readonly limit: Limit }>();

  constructor(tables: readonly LimitTable[]) {
    for (const table of tables) for (const [name, limit] of Object.entries(table)) this.#byKey.set(limit.key.toLowerCase(), { name, limit });
  }

  has(key: string): boolean {
    return this.#byKey.has(key.toLowerCase());
  }

  /**
   * @param value what JSON says, or a text
   * @throws TypeError with a message that says what is accepted, or which keys are near to an unknown one
   */
  read(key: string, value: unknown): LimitSetting {
    const row = this.#byKey.get(key.toLowerCase());
    if (row === undefined) throw new TypeError(this.unknown(key));
    return { name: row.name, value: limitValue(row.limit, value) };
  }

  /** Says that there is no such setting, and names near ones. */
  unknown(key: string): string {
    const names = near(key, [...this.#byKey.values()].map(({ limit }) => limit.key), { most: 3 });
    return `There is no setting "${key}".${names.length === 0 ? '' : ` Near ones: ${names.join(', ')}.`}`;
  }
}

/** A value that is in the range of its limit. @throws TypeError */
export function limitValue(limit: Limit, value: unknown): number {
  const { least = 0, most = Number.MAX_SAFE_INTEGER, key, unit } = limit;
  const number = unit === 'ms' ? durationMs(value) : wholeNumber(value);
  if (number !== undefined && number >= least && number <= most) return number;
  const shape = unit === 'ms' ? 'a duration, for example 10s, 1m30s or 500ms' : 'a whole number';
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new TypeError(`${key} takes ${shape}, ${range}${unit === 'ms' ? ' ms' : ''}: ${JSON.stringify(value)} is none.`);
}

function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function durationMs(value: unknown): number | undefined {
  if (typeof value === 'number') return Math.round(value * 1000);
  if (typeof value !== 'string') return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(value)) return undefined;
  let total = 0;
  for (const [, number, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) total += Number(number) * (UNIT_MS[unit ?? ''] ?? 0);
  return Math.round(total);
}
