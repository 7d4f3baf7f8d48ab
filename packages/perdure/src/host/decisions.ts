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
import { unavailable, type HostLimits } from './limits.js';
import { Resident, type AnyMachine, type Self } from './resident.js';
import type { Residents } from './residents.js';
import { settledRowWakeAt } from './row-wake.js';
import { inheritedStep, stepOf } from './steps.js';
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
    if (resident !== undefined && this.#options.commit.rests(resident.id)) return refused(unavailable(RESTS));
    if (definition === undefined) return refused(new RpcError(Code.UNIMPLEMENTED, `There are no machines of kind "${to.kind}" here.`));
    const now = this.#options.clock.now();
    const self = resident?.self ?? { kind: to.kind, namespace: to.namespace, key: to.key, machine: to.machine ?? this.#newId() };
    const outcome = this.#transition(definition, resident, self, input, now);
    if (outcome instanceof RpcError) return refused(outcome);

    const subject = resident ?? (outcome.record === undefined ? undefined : this.#create(definition, self));
    if (subject !== undefined) subject.state = outcome.state;
    const problem = subject && outcome.record && this.#recordProblem(subject, outcome.record);
    if (subject !== undefined && problem !== undefined) return this.#distrust(subject, problem);
    const step = subject === undefined || outcome.record === undefined ? undefined : this.#record(subject, outcome.record, outcome, now);
    const successor = outcome.successor === undefined ? undefined : this.#succeed(definition, self, outcome.successor, now);
    if (successor instanceof RpcError) return this.#abandon(subject, step, successor);

    const first = step ?? successor?.step;
    const group = first === undefined ? subject?.group : this.#commit(first, step === undefined ? undefined : successor?.step, successor?.inherited);
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
    const resident = this.#prepared(successor.machine) ?? this.#create(definition, successorSelf);
    const inherited = outcome.inherited?.map((record) => inheritedStep(resident, record, this.#options.limits.tailBytes, this.#options.verify));
    resident.state = outcome.state;
    const problem = this.#recordProblem(resident, outcome.record);
    if (problem !== undefined) return this.#disown(resident, problem);
    return { resident, outcome, inherited, step: this.#record(resident, outcome.record, outcome, now) };
  }

  #commit(first: Step, second: Step | undefined, inherited: readonly PendingStep[] | undefined): Group {
    const { commit } = this.#options;
    if (inherited === undefined) return commit.add(first.pending, second?.pending);
    return commit.addAll(second === undefined ? [...inherited, first.pending] : [first.pending, ...inherited, second.pending]);
  }

  /** The machine decided what no store would accept: only this machine is to suffer, so it must not get as far as a commit. */
  #distrust(resident: Resident, problem: RpcError): Decided {
    this.#options.residents.fault(resident);
    return refused(problem);
  }

  #disown(successor: Resident, problem: RpcError): RpcError {
    successor.seq = successor.durableSeq;
    this.#options.residents.fault(successor);
    return problem;
  }

  /** What is wrong with a record as the next one of its machine. The store would refuse it, and all that is committed with it. */
  #recordProblem(resident: Resident, { history, private: privateEvents }: JournalRecord): RpcError | undefined {
    const { stepBytes } = this.#options.limits;
    const bytes = (history?.bytes.length ?? 0) + (privateEvents?.length ?? 0);
    if (bytes > stepBytes) {
      return new RpcError(Code.INVALID_ARGUMENT, `transaction size exceeds limit: this request would write ${bytes} bytes at once, at most ${stepBytes} are accepted. Split it.`);
    }
    if (history === undefined) return undefined;
    const { firstEventId, lastEventId } = history;
    if (firstEventId === resident.lastEventId + 1 && lastEventId >= firstEventId) return undefined;
    return internal(resident.self, new Error(`its history must go on with event ${resident.lastEventId + 1}, but has the events ${firstEventId} to ${lastEventId}`));
  }

  /** The successor could not start, so the step that wanted it must not be written either: forget what was decided. */
  #abandon(subject: Resident | undefined, step: Step | undefined, error: RpcError): Decided {
    if (subject !== undefined && step !== undefined) {
      subject.seq -= 1;
      this.#options.residents.fault(subject);
    }
    return refused(error);
  }

  /** The machine, if what it begins with was written before. It comes to life with this. */
  #prepared(machine: string): Resident | undefined {
    const resident = this.#options.residents.byId(machine);
    if (resident?.phase !== 'prepared') return undefined;
    resident.phase = 'live';
    resident.becomesCurrent = true;
    this.#options.residents.add(resident);
    return resident;
  }

  #create(definition: AnyMachine, self: Self): Resident {
    const resident = new Resident(definition, self, undefined);
    this.#options.residents.add(resident);
    return resident;
  }

  /** Brings books and row up to date, and makes the step that the store will get. */
  #record(resident: Resident, record: JournalRecord, { touched, notices }: Outcome<unknown, unknown>, now: number): Step {
    const effects = this.debts.reconcile(resident, touched);
    resident.rowWakeAt = settledRowWakeAt(resident, now);
    resident.seq += 1;
    const pending = stepOf(resident, record, { wakeAt: resident.rowWakeAt, open: resident.isOpen, listing: resident.takeListing() }, this.#options.limits.tailBytes);
    if (this.#options.verify) verifyResident(resident, record);
    return { pending: notices === undefined ? pending : { ...pending, notices }, effects };
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
  readonly inherited: readonly PendingStep[] | undefined;
}

const RESTS = 'What this machine decided could not be stored, so it rests for a moment. Send the request again later.';

function refused(reply: RpcError): Decided {
  return { reply, changed: false, group: undefined };
}

function internal(self: MachineKey, cause: unknown): RpcError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new RpcError(Code.INTERNAL, `A ${self.kind} could not decide (${self.key}, ${self.machine ?? 'new'}): ${reason}. This is a bug in the server; nothing was changed.`, [], { cause });
}
