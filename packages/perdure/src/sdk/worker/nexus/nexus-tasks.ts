/** Nexus as a kind of task of one worker: its slots, its polls, its handlers. */
import type { ServiceHandler } from 'nexus-rpc';
import { ValueError } from '../../common/index.js';
import { nexusPoller, type OpenPoller, type PollingWorker } from '../pollers.js';
import { openNexusSlots, type SlotsOwner } from '../slots/tuner.js';
import type { SlotSource } from '../slots/slots.js';
import { observedPolls, type ObservedPolls, type ObservedSlots } from '../worker-heartbeat.js';
import { NexusRunner, type NexusRunnerEnvironment } from './nexus-runner.js';

export class NexusTasks {
  readonly poller: OpenPoller;
  readonly runner: NexusRunner;
  readonly slots: SlotSource;
  readonly #pollKind: string;

  constructor(worker: PollingWorker, owner: SlotsOwner, environment: NexusRunnerEnvironment) {
    this.slots = openNexusSlots(worker.options.tuner.nexus, owner);
    this.runner = new NexusRunner(environment);
    this.poller = nexusPoller(worker, this.slots, this.runner.start);
    this.#pollKind = worker.options.nexusPolls.kind;
  }

  get observedTasks(): ObservedSlots {
    return { slots: this.slots, inFlight: this.runner.inFlight, counts: this.runner.counts };
  }

  get observedPolls(): ObservedPolls | undefined {
    return observedPolls(this.poller, this.#pollKind);
  }
}

/** The handlers by the name of their service. @throws ValueError if two have the same name. */
export function servicesOf(given: readonly ServiceHandler[] | undefined): Map<string, ServiceHandler> {
  const services = new Map<string, ServiceHandler>();
  for (const handler of given ?? []) {
    const name: unknown = handler?.definition?.name;
    if (typeof name !== 'string') throw new ValueError('nexusServices must hold what serviceHandler(…) of the package nexus-rpc gave');
    if (services.has(name)) throw new ValueError(`nexusServices has two handlers of the service '${name}'`);
    services.set(name, handler);
  }
  return services;
}
