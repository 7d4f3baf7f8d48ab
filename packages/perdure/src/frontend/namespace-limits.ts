/**
 * The limits of each namespace: those of the server, with what the namespace's own data says instead.
 *
 * An entry of a namespace's data whose key is the key of a limit sets that limit for the namespace: `UpdateNamespace`, and so every
 * tool that speaks it, changes it at once and for good. An empty value takes it back. The registry of namespaces keeps this book up to
 * date; the workflow machine asks it at every decision, handlers find the same object as `namespace.limits`.
 */
import type { LimitTable } from '../machines/limit-table.js';
import { WORKFLOW_LIMITS } from '../machines/workflow/index.js';
import { LimitCatalogue } from './limit-settings.js';
import { invalidArgument } from './refusals.js';
import { DEFAULT_NAMESPACE_LIMITS, REQUEST_LIMITS, type NamespaceLimits } from './request-limits.js';

const TABLES: readonly LimitTable[] = [WORKFLOW_LIMITS, REQUEST_LIMITS];
const PER_NAMESPACE = new LimitCatalogue(
  TABLES.map((table) => Object.fromEntries(Object.entries(table).filter(([, limit]) => limit.perServer !== true))),
);

export class NamespaceLimitBook {
  readonly #byId = new Map<string, NamespaceLimits>();

  /** @param server what holds where a namespace says nothing */
  constructor(readonly server: NamespaceLimits = DEFAULT_NAMESPACE_LIMITS) {}

  of(namespaceId: string): NamespaceLimits {
    return this.#byId.get(namespaceId) ?? this.server;
  }

  /** Takes over what a namespace says. What cannot be read (written by another version) is passed over: the server's limit holds. */
  keep(namespaceId: string, data: ReadonlyMap<string, string>): NamespaceLimits {
    const own: Record<string, number> = {};
    for (const [key, value] of data) {
      const setting = value === '' || !PER_NAMESPACE.has(key) ? undefined : readable(key, value);
      if (setting !== undefined) own[setting.name] = setting.value;
    }
    const limits = Object.keys(own).length === 0 ? this.server : { ...this.server, ...own };
    this.#byId.set(namespaceId, limits);
    return limits;
  }

  /** The namespace is gone. */
  forget(namespaceId: string): void {
    this.#byId.delete(namespaceId);
  }
}

/** Families of keys that belong to settings: there a key that is unknown is a mistake and not data of the user's. */
const SETTING = /^(limit|history|frontend|matching|system)\./i;

/** @throws RpcError INVALID_ARGUMENT if an entry that means a limit is none. */
export function checkLimitSettings(data: ReadonlyMap<string, string>): void {
  for (const [key, value] of data) {
    if (!SETTING.test(key) || value === '') continue;
    try {
      PER_NAMESPACE.read(key, value);
    } catch (error) {
      throw invalidArgument(`Namespace data: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

function readable(key: string, value: string): { readonly name: string; readonly value: number } | undefined {
  try {
    return PER_NAMESPACE.read(key, value);
  } catch {
    return undefined;
  }
}
