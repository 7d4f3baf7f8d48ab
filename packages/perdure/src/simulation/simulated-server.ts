/**
 * The server of a simulation: the production engine, life after life, on one disk.
 *
 * A crash is not told to the engine: its process stops, its store never settles again, and the network drops its connections. The next
 * life opens a new engine on what the disk has.
 */
import { silentLogger, type Logger, type Random, type Timer, type VirtualClock } from '../ports/index.js';
import { Code, RpcError } from '../protocol/index.js';
import { openEngine, type EngineOptions } from '../server/index.js';
import { StoreUnavailableError } from '../store/index.js';
import { SimulatedStore, type StoreFault, type StoreOperation } from '../store/simulated/simulated-store.js';
import type { CommitFault, FaultPlan } from './faults.js';
import type { RecordingDisk } from './recording-disk.js';
import type { SimulatedNetwork } from './simulated-network.js';
import { SimulatedProcess } from './simulated-process.js';

/** An engine that could not open, because its store refused, is started again after this long, as by a supervisor. */
const RESTART_AFTER_MS = 200;

export interface SimulatedServerOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly disk: RecordingDisk;
  readonly network: SimulatedNetwork;
  readonly plan: FaultPlan;
  readonly engine: Pick<EngineOptions, 'namespaces' | 'searchAttributes' | 'limits' | 'verify'>;
  readonly logger?: Logger | undefined;
  readonly onStir: () => void;
  /** An engine refused to open for another reason than a fault. */
  readonly onBroken: (error: unknown) => void;
}

export class SimulatedServer {
  readonly #options: SimulatedServerOptions;
  #process: SimulatedProcess | undefined;
  #store: SimulatedStore | undefined;
  #commits = 0;
  #reads = 0;
  #lives = 0;
  #restart: Timer | undefined;
  /** What is to happen at the instant at which the commit under way is durable. */
  #atDurable: (CommitFault & { readonly kind: 'workerCrash' | 'clockJump' })[] = [];
  #diesAfter: number | undefined;

  constructor(options: SimulatedServerOptions) {
    this.#options = options;
  }

  get lives(): number {
    return this.#lives;
  }

  start(): void {
    const { clock, disk, engine, random, network, onStir, onBroken, logger = silentLogger } = this.#options;
    const process = new SimulatedProcess(`server ${(this.#lives += 1)}`, clock, onStir);
    const store = new SimulatedStore({ disk, clock: process, faults: (operation) => this.#fault(operation) });
    this.#process = process;
    this.#store = store;
    openEngine({ ...engine, store, clock: process, random, logger, httpCaller: noCalls }).then(
      (opened) => {
        if (process.alive) network.serverIsUp(opened.transport);
        onStir();
      },
      (error: unknown) => {
        if (!process.alive) return;
        if (isPlanned(error)) this.crash(RESTART_AFTER_MS);
        else onBroken(error);
      },
    );
  }

  /** Dies now, and comes back. */
  crash(downMs: number): void {
    this.stop();
    this.#restart = this.#options.clock.setDelay(downMs, () => this.start());
  }

  /** Dies for good. */
  stop(): void {
    this.#restart?.cancel();
    this.#store?.crash();
    this.#process?.kill();
    this.#options.network.serverIsDown();
    this.#atDurable = [];
    this.#diesAfter = undefined;
  }

  /** What the commit that has just become durable brings with it. */
  commitIsDurable(): readonly (CommitFault & { readonly kind: 'workerCrash' | 'clockJump' })[] {
    const faults = this.#atDurable;
    const downMs = this.#diesAfter;
    this.#atDurable = [];
    if (downMs !== undefined) this.crash(downMs);
    return faults;
  }

  #fault(operation: StoreOperation): StoreFault | undefined {
    const { plan } = this.#options;
    if (operation !== 'commit' && operation !== 'delete') {
      const fault = plan.atRead((this.#reads += 1));
      if (fault?.kind === 'serverCrashInRead') this.crash(fault.downMs);
      if (fault === undefined || fault.kind === 'serverCrashInRead') return undefined;
      return fault.kind === 'readSlow' ? { kind: 'slow', delayMs: fault.delayMs } : { kind: 'unavailable', reason: fault.reason };
    }
    let found: StoreFault | undefined;
    for (const fault of plan.atCommit((this.#commits += 1))) found = this.#prepare(fault) ?? found;
    return found;
  }

  #prepare(fault: CommitFault): StoreFault | undefined {
    switch (fault.kind) {
      case 'commitRefused':
        return { kind: 'unavailable', reason: fault.reason };
      case 'commitSlow':
        return { kind: 'slow', delayMs: fault.delayMs };
      case 'serverCrash':
        if (fault.moment === 'after') this.#diesAfter = fault.downMs;
        else this.crash(fault.downMs);
        return undefined;
      case 'workerCrash':
      case 'clockJump':
        this.#atDurable.push(fault);
        return undefined;
    }
  }
}

const noCalls = { post: () => Promise.reject(new Error('A simulation calls nobody.')), close: () => {} };

/** The store refused, because a fault told it to. */
function isPlanned(error: unknown): boolean {
  return error instanceof RpcError ? error.code === Code.UNAVAILABLE : error instanceof StoreUnavailableError;
}
