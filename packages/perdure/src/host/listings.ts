/**
 * Listings for machines that were written before there were any: they are loaded in pages beside requests, and get one with a record that
 * has no other content. Runs once after a start, as long as the store names such machines; a start that is cut off goes on with the rest.
 */
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { ListedMachine, ListRequest, Page, Store } from '../store/store.js';
import type { Group, GroupCommit } from './group-commit.js';
import type { Resident } from './resident.js';
import type { Residents } from './residents.js';

const AT_ONCE = 50;

export interface ListingsOptions {
  readonly clock: Clock;
  readonly store: Store;
  readonly residents: Residents;
  readonly commit: GroupCommit;
  readonly logger: Logger;
}

/** As many items as were asked for, if there are, from as many pages of the store as it takes: others get their turn between them. */
export async function fullPage(store: Store, clock: Clock, request: ListRequest): Promise<Page<ListedMachine>> {
  const items: ListedMachine[] = [];
  for (let after = request.after; ; ) {
    const page = await store.list({ ...request, limit: request.limit - items.length, after });
    items.push(...page.items);
    if (page.next === undefined || items.length >= request.limit) return { items, next: page.next };
    after = page.next;
    await new Promise<void>((resolve) => clock.defer(resolve));
  }
}

export class Listings {
  readonly #options: ListingsOptions;
  #underWay: Promise<void> | undefined;
  #closed = false;

  constructor(options: ListingsOptions) {
    this.#options = options;
  }

  /** Begins, unless it is under way. Never rejects. */
  begin(): Promise<void> {
    this.#underWay ??= this.#listAll().catch((error: unknown) => {
      if (!this.#closed) this.#options.logger.warn('Some executions of an earlier version are not in lists yet. They will be after the next start.', { error });
    });
    return this.#underWay;
  }

  /** Takes no more, and waits for what is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#underWay;
  }

  async #listAll(): Promise<void> {
    const { store, clock } = this.#options;
    // What could not be listed is named again: then nothing more can be done about it now.
    const tried = new Set<string>();
    while (!this.#closed) {
      const machines = (await store.unlisted(AT_ONCE + tried.size)).filter((machine) => !tried.has(machine));
      if (machines.length === 0) return;
      const results = await Promise.all(machines.map((machine) => this.#list(machine)));
      machines.forEach((machine, index) => results[index] === 'failed' && tried.add(machine));
      await new Promise<void>((resolve) => clock.defer(resolve));
    }
  }

  #list(machine: string): Promise<'done' | 'failed'> {
    const { residents, commit } = this.#options;
    return new Promise((resolve) => {
      const decide = (resident: Resident | undefined): void => {
        const group = resident === undefined || commit.rests(resident.id) ? undefined : this.#write(resident);
        if (group === undefined) resolve('failed');
        else commit.release(group, { resolve: () => resolve('done'), reject: () => resolve('failed') }, undefined);
      };
      residents.withMachine({ kind: undefined, machine }, decide, () => resolve('failed'));
    });
  }

  #write(resident: Resident): Group {
    // Unchanged: a decision has listed it meanwhile; then this one says no more than that.
    const listing = resident.definition.listing?.(resident.state) ?? null;
    resident.takeListing();
    resident.seq += 1;
    const row = { wakeAt: resident.rowWakeAt, open: resident.isOpen, listing };
    const transition = { machine: resident.id, seq: resident.seq, history: undefined, private: undefined, row, snapshot: undefined };
    return this.#options.commit.add({ resident, transition, bytes: 100 + (listing?.shown.byteLength ?? 0) });
  }
}
