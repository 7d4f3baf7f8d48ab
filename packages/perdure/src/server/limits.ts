/**
 * Every limit of the server: the tables of all rooms, and how settings become values.
 *
 * `docs/reference/limits.md` is generated from these tables, so what is documented is what is enforced.
 */
import { limitValue, LimitCatalogue } from '../frontend/limit-settings.js';
import { DEFAULT_NAMESPACE_LIMITS, REQUEST_LIMITS, type NamespaceLimits, type RequestLimits } from '../frontend/request-limits.js';
import { DOOR_LIMITS, type GrpcDoorLimits } from '../frontend/grpc/limits.js';
import { HTTP_LIMITS, type HttpLimits } from '../http/limits.js';
import { HOST_LIMITS, type HostLimits } from '../host/limits.js';
import type { Limit, LimitTable } from '../machines/limit-table.js';
import { WORKFLOW_LIMITS, type WorkflowLimits } from '../machines/workflow/index.js';
import { MATCHING_LIMITS, type MatchingLimits } from '../matching/limits.js';

/** Limits by their names: sizes in bytes, times in milliseconds. `docs/reference/limits.md` lists them with their defaults. */
export type Limits = Partial<WorkflowLimits & RequestLimits & HostLimits & MatchingLimits & GrpcDoorLimits & HttpLimits>;

export interface LimitSection {
  readonly title: string;
  readonly table: LimitTable;
}

/** In the order of the reference. Names and keys are unique over all sections. */
export const LIMIT_SECTIONS: readonly LimitSection[] = [
  { title: 'Workflow executions', table: WORKFLOW_LIMITS },
  { title: 'Requests', table: REQUEST_LIMITS },
  { title: 'Task queues', table: MATCHING_LIMITS },
  { title: 'The gRPC door', table: DOOR_LIMITS },
  { title: 'The HTTP doors', table: HTTP_LIMITS },
  { title: 'The host', table: HOST_LIMITS },
];

const CATALOGUE = new LimitCatalogue(LIMIT_SECTIONS.map((section) => section.table));
const BY_NAME = new Map<string, Limit>(LIMIT_SECTIONS.flatMap((section) => Object.entries(section.table)));

/** @throws TypeError if a name is unknown or a value out of range. */
export function checkLimits(limits: Limits): Limits {
  for (const [name, value] of Object.entries(limits)) {
    const limit = BY_NAME.get(name);
    if (limit === undefined) throw new TypeError(`There is no limit "${name}". docs/reference/limits.md lists all names.`);
    // Values are milliseconds here, where a setting's number would be seconds.
    limitValue(limit, limit.unit === 'ms' ? `${value}ms` : value);
  }
  return limits;
}

export interface ReadSettings {
  readonly limits: Limits;
  /** Keys that mean nothing here, each with what may have been meant. They are no reason not to start: tools pass settings of Temporal's server that have no counterpart. */
  readonly unknown: readonly string[];
}

/**
 * Settings by the keys of Temporal's server, as `--dynamic-config-value` takes them.
 * @param settings pairs of a key and what its JSON says
 * @throws TypeError if the value of a known key is out of range.
 */
export function readLimitSettings(settings: Iterable<readonly [key: string, value: unknown]>): ReadSettings {
  const limits: Record<string, number> = {};
  const unknown: string[] = [];
  for (const [key, value] of settings) {
    if (!CATALOGUE.has(key)) unknown.push(CATALOGUE.unknown(key));
    else {
      const { name, value: number } = CATALOGUE.read(key, value);
      limits[name] = number;
    }
  }
  return { limits, unknown };
}

/** What holds in a namespace that says nothing itself. */
export function namespaceLimits(limits: Limits): NamespaceLimits {
  return { ...DEFAULT_NAMESPACE_LIMITS, ...limits };
}
