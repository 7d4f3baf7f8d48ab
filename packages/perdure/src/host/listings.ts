/**
 * Lists are answered from what the store has indexed, and after a start that may not be the latest: a crash loses listings that waited to be
 * indexed, and a file of an early version has none. Machines that the store names are loaded in pages beside requests, and get their listing
 * with a record that has no other content.
 *
 * Invariant: after a crash no list is answered before all machines are listed that the crash left. They are few: a store lets some hundreds
 * wait, and those of one commit besides. A whole file of an early version may take minutes, and lists do not wait for it.
 */
import { Code, type RpcError } from '../protocol/index.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { ListedMachine, ListRequest, Page, Store } from '../store/store.js';
import type { Group, GroupCommit } from './group-commit.js';
import { CLOSING, unavailable, type HostLimits } from './limits.js';
import type { Resident } from './resident.js';
import type { Residents } from './residents.js';

const AT_ONCE = 50;
/** A crash leaves fewer than these and one commit. */
const MOST_LEFT = 1_000;

export interface ListingsOptions {
  readonly clock: Clock;
  readonly store: Store;
  readonly residents: Residents;
  readonly commit: GroupCommit;
  readonly logger: Logger;
  readonly limits: Pick<HostLimits, 'groupRecords'>;
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
  /** Resolves when lists tell the latest. Undefined: nobody has asked since the start, or since it failed. */
  #ready: Promise<void> | undefined;
  #rest: Promise<void> | undefined;
  /** What cannot be listed: nothing more can be done about it before the next start. */
  readonly #givenUp = new Set<string>();
  #closed = false;

  constructor(options: ListingsOptions) {
    this.#options = options;
  }

  /** At the start, beside everything else. */
  begin(): void {
    this.ready().catch((error: unknown) => {
      if (!this.#closed) this.#options.logger.warn('Executions that the last process left unlisted could not be read. The next list tries again.', { error });
    });
  }

  /**
   * Resolves when a list may be read.
   * @throws RpcError UNAVAILABLE the store fails; the next call tries again
   */
  ready(): Promise<void> {
    this.#ready ??= this.#listLeft().catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    return this.#ready;
  }

  /** Takes no more, and waits for what is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#ready?.catch(() => {});
    await this.#rest;
  }

  async #listLeft(): Promise<void> {
    const most = MOST_LEFT + this.#options.limits.groupRecords;
    const left = await this.#unlisted(most);
    if (left.length < most) return this.#listAll();
    this.#rest = this.#listAll().catch((error: unknown) => {
      if (!this.#closed) this.#options.logger.warn('Some executions of an earlier version are not in lists yet. They will be after the next start.', { error });
    });
  }

  async #listAll(): Promise<void> {
    for (;;) {
      const machines = await this.#unlisted(AT_ONCE);
      if (machines.length === 0) return;
      await Promise.all(machines.map((machine) => this.#list(machine)));
      await new Promise<void>((resolve) => this.#options.clock.defer(resolve));
    }
  }

  async #unlisted(most: number): Promise<readonly string[]> {
    if (this.#closed) throw unavailable(CLOSING);
    const machines = await this.#options.store.unlisted(most + this.#givenUp.size);
    return machines.filter((machine) => !this.#givenUp.has(machine)).slice(0, most);
  }

  #list(machine: string): Promise<void> {
    const { residents, commit } = this.#options;
    return new Promise((resolve, reject) => {
      const failed = (error: RpcError): void => {
        if (error.code === Code.UNAVAILABLE || error.code === Code.RESOURCE_EXHAUSTED) return reject(error);
        this.#givenUp.add(machine);
        resolve();
      };
      const decide = (resident: Resident | undefined): void => {
        const group = resident === undefined || commit.rests(resident.id) ? undefined : this.#write(resident);
        if (group === undefined) this.#givenUp.add(machine);
        commit.release(group, { resolve: () => resolve(), reject: failed }, undefined);
      };
      residents.withMachine({ kind: undefined, machine }, decide, failed);
    });
  }

  #write(resident: Resident): Group {
    // Unchanged: a decision has listed it meanwhile; then this one says no more than that.
    const listing = resident.definition.listing?.(resident.state) ?? null;
    resident.takeListing();
    resident.seq += 1;
    const row = { wakeAt: resident.rowWakeAt, open: resident.isOpen, listing };
    const transition = { machine: resident.id, seq: resident.seq, history: undefined, private: undefined, row, snapshot: undefined };
    return this.#options.commit.add({ resident, transition, bytes: 100 + (listing?.sizeBytes ?? 0) });
  }
}
