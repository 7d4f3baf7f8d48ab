/**
 * What nobody asks for any more is forgotten: closed runs when the retention of their namespace is over, and all that is in a namespace that
 * was deleted.
 *
 * Both follow from what is stored anyway (the list of closed runs, the state of the namespace), so this room stores nothing: at every start
 * it looks anew. It does its work in small pieces beside everybody else's (`pace.ts`), and where there is nothing to forget it has no timer.
 */
import type { Host } from '../host/host.js';
import type { Namespace } from '../machines/namespace/inputs.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { NamespaceState } from '../protocol/index.js';
import { Expiry } from './expiry.js';
import { Pace } from './pace.js';
import { Removal, type Kind } from './removal.js';

export type { Kind } from './removal.js';

export interface RetentionOptions {
  readonly host: Host;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Everything that lives in namespaces; first what makes others. */
  readonly kinds: readonly Kind[];
  /** Forgets a namespace in which nothing is left. */
  readonly forget: (namespace: Namespace) => Promise<void>;
}

export class Retention {
  readonly #options: RetentionOptions;
  readonly #pace: Pace;
  /** By the id of the namespace. */
  readonly #expiries = new Map<string, { readonly retentionMs: number; readonly byKind: ReadonlyMap<string, Expiry> }>();
  readonly #removals = new Map<string, Removal>();
  #closed = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#pace = new Pace(options.clock);
  }

  /** A namespace is there, at the start or since now, or has changed. */
  take(namespace: Namespace): void {
    if (this.#closed) return;
    if (namespace.state === NamespaceState.DELETED) return this.#remove(namespace);
    const { id, retentionMs } = namespace;
    if (this.#expiries.get(id)?.retentionMs === retentionMs) return;
    this.#endExpiries(id);
    const kinds = this.#options.kinds.filter(({ expires }) => expires);
    const byKind = new Map(kinds.map((kind) => [kind.kind, this.#expiry(namespace, kind)]));
    this.#expiries.set(id, { retentionMs, byKind });
    for (const expiry of byKind.values()) expiry.begin();
  }

  /** A machine has closed. */
  closed(kind: string, namespace: string): void {
    this.#expiries.get(namespace)?.byKind.get(kind)?.closed();
  }

  /** Forgets nothing more, and waits for what is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const id of [...this.#expiries.keys()]) this.#endExpiries(id);
    for (const removal of this.#removals.values()) removal.end();
    await this.#pace.close();
  }

  #expiry({ id, name, retentionMs }: Namespace, { kind, deletion }: Kind): Expiry {
    const { host, clock, logger } = this.#options;
    const onProblem = (error: unknown): void => logger.warn('Expired runs could not be forgotten. It is tried again.', { namespace: name, error });
    return new Expiry({ host, clock, pace: this.#pace, kind, namespace: id, deletion, retentionMs, onProblem });
  }

  #endExpiries(id: string): void {
    for (const expiry of this.#expiries.get(id)?.byKind.values() ?? []) expiry.end();
    this.#expiries.delete(id);
  }

  #remove(namespace: Namespace): void {
    const { id, name } = namespace;
    this.#endExpiries(id);
    const underWay = this.#removals.get(id);
    if (underWay !== undefined) return underWay.keepUntil(namespace.keptUntilMs);
    const { host, clock, logger, kinds } = this.#options;
    const onProblem = (error: unknown): void => logger.warn('A deleted namespace could not be emptied. It is tried again.', { namespace: name, error });
    const forget = async (): Promise<void> => {
      await this.#options.forget(namespace);
      this.#removals.delete(id);
    };
    const removal = new Removal({ host, clock, pace: this.#pace, kinds, namespace, forget, onProblem });
    this.#removals.set(id, removal);
    removal.begin();
  }
}
