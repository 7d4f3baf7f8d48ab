/**
 * Machines that begin with more than one commit should hold: what they inherit is written piece by piece, before anybody can find them.
 *
 * A prepared machine is not current, takes no inputs and owes nothing. It comes to life as the successor of another machine, whose
 * decision names it: that commit makes it current. Until then it is hidden (`isDeleted` of its kind says so of such a state) and owes
 * its deletion when it is loaded, so that what a crash leaves behind goes away by itself.
 */
import type { JournalRecord } from '../machines/machine.js';
import { Code, RpcError } from '../protocol/index.js';
import type { Store } from '../store/store.js';
import type { Deletions } from './deletions.js';
import type { GroupCommit } from './group-commit.js';
import type { HostLimits } from './limits.js';
import { Resident, type AnyMachine, type Self } from './resident.js';
import type { Residents } from './residents.js';
import { inheritedStep } from './steps.js';

export interface PreparationsOptions {
  readonly store: Store;
  readonly limits: HostLimits;
  readonly machines: ReadonlyMap<string, AnyMachine>;
  readonly residents: Residents;
  readonly commit: GroupCommit;
  readonly deletions: Deletions;
  readonly verify: boolean;
}

export class Preparations {
  readonly #options: PreparationsOptions;

  constructor(options: PreparationsOptions) {
    this.#options = options;
  }

  /** Writes the next records of a machine that is being prepared; resolves when they are durable. */
  append(self: Self, records: readonly JournalRecord[]): Promise<void> {
    const { commit, limits, residents, verify } = this.#options;
    return new Promise<void>((resolve, reject) => {
      const resident = residents.byId(self.machine) ?? this.#begin(self);
      if (resident.phase !== 'prepared') throw new RpcError(Code.INTERNAL, `Machine ${self.machine} is not one that is being prepared.`);
      const group = commit.addAll(records.map((record) => inheritedStep(resident, record, limits.tailBytes, verify)));
      commit.release(group, { resolve: () => resolve(), reject }, undefined);
    });
  }

  /** Forgets a prepared machine; nothing happens if it has come to life. */
  async discard(machine: string): Promise<void> {
    const { residents, store, deletions } = this.#options;
    const resident = residents.byId(machine);
    if (resident?.phase !== 'prepared') return;
    let why: 'deleted' | 'undone' = 'deleted';
    try {
      await store.delete([machine]);
    } catch {
      // Loaded again, it owes its deletion.
      why = 'undone';
    }
    residents.drop(resident, why);
    deletions.reclaim();
  }

  #begin(self: Self): Resident {
    const definition = this.#options.machines.get(self.kind);
    if (definition === undefined) throw new RpcError(Code.UNIMPLEMENTED, `There are no machines of kind "${self.kind}" here.`);
    const resident = new Resident(definition, self, undefined);
    resident.phase = 'prepared';
    this.#options.residents.addPrepared(resident);
    return resident;
  }
}
