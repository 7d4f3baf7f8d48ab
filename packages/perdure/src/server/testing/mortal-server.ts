/**
 * Servers on one disk, one after the other, each of which may die at one of its writes: before it is on the disk, or when it is there and
 * nobody has heard of it. What tests of "in whatever write it dies" play on.
 *
 * A death closes nothing, as if the power went. The clock goes on from one life to the next.
 */
import assert from 'node:assert/strict';
import { seededRandom, silentLogger, VirtualClock } from '../../ports/index.js';
import { WorkflowService, type HistoryEvent, type Init, type Method } from '../../protocol/index.js';
import type { SimulatedDisk } from '../../store/simulated/simulated-disk.js';
import { SimulatedStore, type StoreFault, type StoreOperation } from '../../store/simulated/simulated-store.js';
import { openEngine, type Engine, type EngineOptions } from '../engine.js';
import { eventsOf, NAMESPACE } from './stage.js';

export interface Death {
  /** Which write, from the moment at which the death was planned; 0 is the next one. */
  readonly write: number;
  readonly moment: 'beforeWrite' | 'afterWrite';
}

export class MortalServer {
  readonly clock = new VirtualClock();
  readonly #limits: EngineOptions['limits'];
  #disk: SimulatedDisk | undefined;
  #store: SimulatedStore | undefined;
  #engine: Engine | undefined;
  #lives = 0;
  #writes = 0;
  #death: Death | undefined;
  #onDeath: (() => void) | undefined;

  constructor(limits: EngineOptions['limits'] = {}) {
    this.#limits = limits;
  }

  get engine(): Engine {
    return this.#engine ?? assert.fail('the server is not up');
  }

  get store(): SimulatedStore {
    return this.#store ?? assert.fail('the server was never up');
  }

  get isDead(): boolean {
    return this.#death !== undefined && this.#writes > this.#death.write;
  }

  /** Plans a death, of this life or, before {@link begin}, of the next one. */
  diesAt(death: Death): void {
    this.#writes = 0;
    this.#death = death;
  }

  /** Opens an engine on what the last one left. False: it died on the way. */
  async begin(): Promise<boolean> {
    const died = new Promise<undefined>((resolve) => {
      this.#onDeath = () => resolve(undefined);
    });
    const store = new SimulatedStore({ clock: this.clock, faults: (operation) => this.#fault(store, operation), ...(this.#disk && { disk: this.#disk }) });
    this.#store = store;
    this.#disk = store.disk;
    const random = seededRandom((this.#lives += 1), this.clock);
    const opening = openEngine({ store, clock: this.clock, random, logger: silentLogger, verify: true, limits: this.#limits });
    this.#engine = await Promise.race([opening, died]);
    return this.#engine !== undefined;
  }

  /** Ends this life, dead or alive, and begins one that nothing happens to. */
  async beginAgain(): Promise<void> {
    this.store.crash();
    this.#death = undefined;
    assert.ok(await this.begin());
  }

  call<Request, Response>(method: Method<Request, Response>, request: Init<Request>): Promise<Response> {
    return this.engine.transport.call(method, request);
  }

  async events(workflowId: string): Promise<HistoryEvent[]> {
    return eventsOf(await this.call(WorkflowService.GetWorkflowExecutionHistory, { namespace: NAMESPACE, execution: { workflowId } }));
  }

  #fault(store: SimulatedStore, operation: StoreOperation): StoreFault | undefined {
    if (store !== this.#store || (operation !== 'commit' && operation !== 'delete') || this.#death === undefined) return undefined;
    if (this.#writes++ !== this.#death.write) return undefined;
    this.#onDeath?.();
    return { kind: 'crash', moment: this.#death.moment };
  }
}

/**
 * Plays with a death at each write, before it and after it, until a play ends before its turn has come.
 *
 * @param play true: it came to the death
 * @returns how many deaths were played
 */
export async function everyDeath(play: (death: Death) => Promise<boolean>): Promise<number> {
  let deaths = 0;
  for (const moment of ['beforeWrite', 'afterWrite'] as const) {
    for (let write = 0; await playOne(play, { write, moment }); write++) deaths += 1;
  }
  return deaths;
}

async function playOne(play: (death: Death) => Promise<boolean>, death: Death): Promise<boolean> {
  try {
    return await play(death);
  } catch (error) {
    throw new Error(`Death at write ${death.write}, ${death.moment}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
