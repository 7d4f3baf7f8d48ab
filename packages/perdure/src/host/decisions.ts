/**
 * One input of one machine, decided: the hot path of the engine.
 *
 * `decide` is synchronous from the input to the group that will make it durable: transition, new state, books on what is owed, record
 * into the filling group, and only then the effects (a task that meets a waiting poller is dispatched here, its record joins the same
 * group). Nobody outside learns of it before the commit: callers hand the reply to `GroupCommit.release` with the group they got.
 *
 * What a transition throws is a bug or a broken record. Its state may be half changed, so the machine is set aside and loaded again;
 * the sender gets INTERNAL.
 */
import type { JournalRecord, MachineKey, Outcome } from '../machines/machine.js';
import { Code, RpcError } from '../protocol/index.js';
import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import type { Debts } from './debts.js';
import type { Group, GroupCommit, PendingStep } from './group-commit.js';
import type { HostLimits } from './limits.js';
import { Resident, type AnyMachine, type Self } from './resident.js';
import type { Residents } from './residents.js';
import { settledRowWakeAt } from './row-wake.js';
import { verifyResident } from './verify.js';

export interface Decided {
  /** A refusal is a reply too. */
  readonly reply: unknown;
  /** A record was written. */
  readonly changed: boolean;
  /** What has to be durable before anybody may see the reply. */
  readonly group: Group | undefined;
}

export interface DecisionsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: HostLimits;
  readonly machines: ReadonlyMap<string, AnyMachine>;
  readonly residents: Residents;
  readonly commit: GroupCommit;
  readonly verify: boolean;
}

export class Decisions {
  /** Set once, by the host: books and decisions need each other. */
  debts!: Debts;
  readonly #options: DecisionsOptions;
  readonly #newId: () => string;

  constructor(options: DecisionsOptions) {
    this.#options = options;
    this.#newId = () => options.random.uuid();
  }

  /** Decides an input of the machine, or of the key under which none exists. */
  decide(to: MachineKey, resident: Resident | undefined, input: unknown): Decided {
    try {
      return this.#decide(to, resident, input);
    } catch (error) {
      if (resident !== undefined) this.#options.residents.fault(resident);
      if (this.#options.verify) throw error;
      return refused(internal(resident?.self ?? to, error));
    }
  }

  #decide(to: MachineKey, resident: Resident | undefined, input: unknown): Decided {
    const definition = resident?.definition ?? this.#options.machines.get(to.kind);
    if (definition === undefined) return refused(new RpcError(Code.UNIMPLEMENTED, `There are no machines of kind "${to.kind}" here.`));
    const now = this.#options.clock.now();
    const self = resident?.self ?? { kind: to.kind, namespace: to.namespace, key: to.key, machine: to.machine ?? this.#newId() };
    const outcome = this.#transition(definition, resident, self, input, now);
    if (outcome instanceof RpcError) return refused(outcome);

    const subject = resident ?? (outcome.record === undefined ? undefined : this.#create(definition, self));
    if (subject !== undefined) subject.state = outcome.state;
    const step = subject === undefined || outcome.record === undefined ? undefined : this.#record(subject, outcome.record, outcome.touched, now);
    const successor = outcome.successor === undefined ? undefined : this.#succeed(definition, self, outcome.successor, now);
    if (successor instanceof RpcError) return this.#abandon(subject, step, successor);

    const first = step ?? successor?.step;
    const group = first === undefined ? subject?.group : this.#options.commit.add(first.pending, step === undefined ? undefined : successor?.step.pending);
    if (subject !== undefined) this.#settle(subject, step, outcome);
    if (successor !== undefined) this.#settle(successor.resident, successor.step, successor.outcome);
    const reply = successor !== undefined && outcome.successor?.answers === true ? successor.outcome.reply : outcome.reply;
    return { reply, changed: first !== undefined, group };
  }

  #transition(definition: AnyMachine, resident: Resident | undefined, self: Self, input: unknown, now: number): Outcome<unknown, unknown> | RpcError {
    try {
      return definition.transition(resident?.state, input, { now, newId: this.#newId }, self);
    } catch (error) {
      if (resident !== undefined) this.#options.residents.fault(resident);
      return internal(self, error);
    }
  }

  #succeed(definition: AnyMachine, self: Self, successor: { machine: string; input: unknown }, now: number): Succession | RpcError {
    const successorSelf = { kind: self.kind, namespace: self.namespace, key: self.key, machine: successor.machine };
    const outcome = this.#transition(definition, undefined, successorSelf, successor.input, now);
    if (outcome instanceof RpcError) return outcome;
    if (outcome.record === undefined || outcome.successor !== undefined) {
      const refusal = outcome.reply instanceof RpcError ? outcome.reply : undefined;
      return refusal ?? internal(successorSelf, new Error('A successor must write a record and have no successor of its own.'));
    }
    const resident = this.#create(definition, successorSelf);
    resident.state = outcome.state;
    return { resident, outcome, step: this.#record(resident, outcome.record, outcome.touched, now) };
  }

  /** The successor could not start, so the step that wanted it must not be written either: forget what was decided. */
  #abandon(subject: Resident | undefined, step: Step | undefined, error: RpcError): Decided {
    if (subject !== undefined && step !== undefined) {
      subject.seq -= 1;
      this.#options.residents.fault(subject);
    }
    return refused(error);
  }

  #create(definition: AnyMachine, self: Self): Resident {
    const resident = new Resident(definition, self, undefined);
    this.#options.residents.add(resident);
    return resident;
  }

  /** Brings books and row up to date, and makes the step that the store will get. */
  #record(resident: Resident, record: JournalRecord, touched: readonly string[], now: number): Step {
    const effects = this.debts.reconcile(resident, touched);
    const { history } = record;
    resident.rowWakeAt = settledRowWakeAt(resident, now);
    const open = resident.isOpen;
    resident.seq += 1;
    const bytes = 100 + (history?.bytes.length ?? 0) + (record.private?.length ?? 0);
    resident.recordsSinceSnapshot += 1;
    resident.bytesSinceSnapshot += bytes;
    if (history !== undefined) resident.keepBatch(history, resident.seq, this.#options.limits.tailBytes);
    const transition = {
      machine: resident.id,
      create: resident.seq === 1 ? { kind: resident.self.kind, namespace: resident.self.namespace, key: resident.self.key, makeCurrent: true } : undefined,
      seq: resident.seq,
      history,
      private: record.private,
      row: { wakeAt: resident.rowWakeAt, open },
      snapshot: undefined,
    };
    if (this.#options.verify) verifyResident(resident, record);
    return { pending: { resident, transition, bytes }, effects };
  }

  #settle(resident: Resident, step: Step | undefined, outcome: Outcome<unknown, unknown>): void {
    this.#options.residents.touch(resident);
    // Without a record nothing is owed anew, but an input may tell that what we believe to be owed is not.
    const effects = step === undefined ? this.debts.reconcile(resident, outcome.touched) : step.effects;
    if (effects !== undefined) this.debts.emit(resident, effects);
  }
}

interface Step {
  readonly pending: PendingStep;
  readonly effects: ReturnType<Debts['reconcile']>;
}

interface Succession {
  readonly resident: Resident;
  readonly outcome: Outcome<unknown, unknown>;
  readonly step: Step;
}

function refused(reply: RpcError): Decided {
  return { reply, changed: false, group: undefined };
}

function internal(self: MachineKey, cause: unknown): RpcError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new RpcError(Code.INTERNAL, `A ${self.kind} could not decide (${self.key}, ${self.machine ?? 'new'}): ${reason}. This is a bug in the server; nothing was changed.`, [], { cause });
}
