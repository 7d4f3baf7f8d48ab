/**
 * What goes wrong in a simulation, and when.
 *
 * A fault is data: it names its moment by counting what happens anyway, commits of the server, reads of its store, and calls of one RPC.
 * So the faults of a run can be printed, repeated, and left out one by one. A {@link FaultPlan} is asked at each such moment. It is chance
 * at first ({@link RandomFaults}), which notes what it chose, and then exactly that ({@link FixedFaults}).
 */
import type { Random } from '../ports/index.js';

/** Commits, reads and calls count from 1, over all lives of the server. Times are milliseconds of the simulated clock. */
export type Fault =
  /** The server dies before its n-th commit is on disk, or after that and before anybody hears of it. It is back after `downMs`. */
  | { readonly kind: 'serverCrash'; readonly commit: number; readonly moment: 'before' | 'after'; readonly downMs: number }
  /** A worker dies at the moment of the n-th commit. The server notices the broken connection after `silentMs`. */
  | { readonly kind: 'workerCrash'; readonly commit: number; readonly worker: number; readonly downMs: number; readonly silentMs: number }
  /** A worker dies when it makes the n-th call of this RPC: before the request has left, or before the reply arrives. */
  | { readonly kind: 'workerCrashInCall'; readonly call: string; readonly nth: number; readonly moment: 'before' | 'after'; readonly downMs: number; readonly silentMs: number }
  /** Somebody sets the server's wall clock, forward or back. */
  | { readonly kind: 'clockJump'; readonly commit: number; readonly byMs: number }
  /** The store refuses the commit; nothing of it was written. */
  | { readonly kind: 'commitRefused'; readonly commit: number; readonly reason: 'io' | 'full' }
  | { readonly kind: 'commitSlow'; readonly commit: number; readonly delayMs: number }
  | { readonly kind: 'readRefused'; readonly read: number; readonly reason: 'io' | 'busy' }
  /** The server dies while it waits for the n-th read of its store. */
  | { readonly kind: 'serverCrashInRead'; readonly read: number; readonly downMs: number }
  | { readonly kind: 'readSlow'; readonly read: number; readonly delayMs: number }
  /** The caller hears of a broken connection after `delayMs`; the server never saw the request. */
  | { readonly kind: 'requestLost'; readonly call: string; readonly nth: number; readonly delayMs: number }
  /** The same, but the server has done what was asked. */
  | { readonly kind: 'replyLost'; readonly call: string; readonly nth: number; readonly delayMs: number }
  /** The request reaches the server a second time, `delayMs` later. */
  | { readonly kind: 'duplicate'; readonly call: string; readonly nth: number; readonly delayMs: number }
  | { readonly kind: 'requestDelayed'; readonly call: string; readonly nth: number; readonly delayMs: number }
  | { readonly kind: 'replyDelayed'; readonly call: string; readonly nth: number; readonly delayMs: number };

export type FaultKind = Fault['kind'];
export type CommitFault = Extract<Fault, { readonly commit: number }>;
export type ReadFault = Extract<Fault, { readonly read: number }>;
export type CallFault = Extract<Fault, { readonly call: string }>;

/** Who makes a call. */
export type Caller = 'client' | 'worker';

/** Asked at each moment, once, in the order in which they come. */
export interface FaultPlan {
  atCommit(commit: number): readonly CommitFault[];
  atRead(read: number): ReadFault | undefined;
  atCall(call: string, nth: number, caller: Caller): CallFault | undefined;
}

export const noFaults: FaultPlan = { atCommit: () => [], atRead: () => undefined, atCall: () => undefined };

/** Exactly these. */
export class FixedFaults implements FaultPlan {
  readonly #commits = new Map<number, CommitFault[]>();
  readonly #reads = new Map<number, ReadFault>();
  readonly #calls = new Map<string, CallFault>();

  constructor(faults: readonly Fault[]) {
    for (const fault of faults) {
      if ('commit' in fault) this.#commits.set(fault.commit, [...(this.#commits.get(fault.commit) ?? []), fault]);
      else if ('read' in fault) this.#reads.set(fault.read, fault);
      else this.#calls.set(`${fault.call} ${fault.nth}`, fault);
    }
  }

  atCommit(commit: number): readonly CommitFault[] {
    return this.#commits.get(commit) ?? [];
  }

  atRead(read: number): ReadFault | undefined {
    return this.#reads.get(read);
  }

  atCall(call: string, nth: number): CallFault | undefined {
    return this.#calls.get(`${call} ${nth}`);
  }
}

export interface RandomFaultsOptions {
  /** Which kinds may come. Default: all. */
  readonly kinds?: readonly FaultKind[] | undefined;
  /** Faults in one run, at most. */
  readonly most: number;
  readonly workers: number;
  /** One that must come, whatever chance brings besides. */
  readonly certain?: CommitFault | CallFault | undefined;
}

const COMMIT_KINDS: readonly CommitFault['kind'][] = ['serverCrash', 'serverCrash', 'workerCrash', 'workerCrash', 'clockJump', 'commitRefused', 'commitSlow'];
const READ_KINDS: readonly ReadFault['kind'][] = ['readRefused', 'readSlow', 'serverCrashInRead'];
const CALL_KINDS: readonly CallFault['kind'][] = ['requestLost', 'replyLost', 'duplicate', 'requestDelayed', 'replyDelayed', 'workerCrashInCall'];
/** Of what chance delays. */
export const LONGEST_DELAY_MS = 20_000;
/** A poll that comes twice would take a task for nobody: connections repeat no bytes, only callers repeat calls. */
const isPoll = (call: string): boolean => call.startsWith('Poll') && call.endsWith('TaskQueue');

/** Faults by chance, more in one run than in another; `drawn` tells which. */
export class RandomFaults implements FaultPlan {
  readonly drawn: Fault[] = [];
  readonly #random: Pick<Random, 'next'>;
  readonly #options: RandomFaultsOptions;
  readonly #rate: number;
  readonly #most: number;
  #over = false;

  constructor(random: Pick<Random, 'next'>, options: RandomFaultsOptions) {
    this.#random = random;
    this.#options = options;
    this.#rate = 0.01 + 0.14 * random.next() ** 2;
    this.#most = options.most === 0 ? 0 : 1 + this.#below(options.most);
  }

  /** Nothing goes wrong from now on. */
  end(): void {
    this.#over = true;
  }

  atCommit(commit: number): readonly CommitFault[] {
    const { certain } = this.#options;
    if (certain !== undefined && 'commit' in certain && certain.commit === commit && !this.#over) return [this.#note(certain)];
    const kind = this.#strikes(COMMIT_KINDS);
    return kind === undefined ? [] : [this.#note(this.#commitFault(kind, commit))];
  }

  atRead(read: number): ReadFault | undefined {
    const kind = this.#strikes(READ_KINDS);
    if (kind === undefined) return undefined;
    if (kind === 'serverCrashInRead') return this.#note({ kind, read, downMs: this.#downTime() });
    return this.#note(kind === 'readRefused' ? { kind, read, reason: this.#below(2) === 0 ? 'io' : 'busy' } : { kind, read, delayMs: this.#delay() });
  }

  atCall(call: string, nth: number, caller: Caller): CallFault | undefined {
    const { certain } = this.#options;
    if (certain !== undefined && 'call' in certain && certain.call === call && certain.nth === nth && !this.#over) return this.#note(certain);
    const kind = this.#strikes(CALL_KINDS);
    if (kind === undefined || (kind === 'duplicate' && isPoll(call)) || (kind === 'workerCrashInCall' && caller !== 'worker')) return undefined;
    if (kind !== 'workerCrashInCall') return this.#note({ kind, call, nth, delayMs: this.#delay() });
    return this.#note({ kind, call, nth, moment: this.#below(2) === 0 ? 'before' : 'after', downMs: this.#downTime(), silentMs: this.#silence() });
  }

  #commitFault(kind: CommitFault['kind'], commit: number): CommitFault {
    switch (kind) {
      case 'serverCrash':
        return { kind, commit, moment: this.#below(2) === 0 ? 'before' : 'after', downMs: this.#downTime() };
      case 'workerCrash':
        return { kind, commit, worker: this.#below(this.#options.workers), downMs: this.#downTime(), silentMs: this.#silence() };
      case 'clockJump':
        return { kind, commit, byMs: (this.#below(2) === 0 ? 1 : -1) * (1 + this.#below(this.#below(2) === 0 ? 2_000 : 3_600_000)) };
      case 'commitRefused':
        return { kind, commit, reason: this.#below(2) === 0 ? 'io' : 'full' };
      case 'commitSlow':
        return { kind, commit, delayMs: this.#delay() };
    }
  }

  #strikes<Kind extends FaultKind>(kinds: readonly Kind[]): Kind | undefined {
    const { kinds: allowed } = this.#options;
    if (this.#over || this.drawn.length >= this.#most || this.#random.next() >= this.#rate) return undefined;
    const kind = kinds[this.#below(kinds.length)];
    return kind === undefined || allowed?.includes(kind) === false ? undefined : kind;
  }

  #note<F extends Fault>(fault: F): F {
    this.drawn.push(fault);
    return fault;
  }

  #below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  /** Mostly short, sometimes longer than what usually times out. */
  #delay(): number {
    return this.#below(4) === 0 ? this.#below(LONGEST_DELAY_MS) : this.#below(300);
  }

  #downTime(): number {
    return this.#below(4) === 0 ? this.#below(15_000) : this.#below(500);
  }

  #silence(): number {
    return this.#below(3) === 0 ? this.#below(5_000) : 0;
  }
}
