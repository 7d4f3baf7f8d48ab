/**
 * Starts whose first workflow task comes with the answer, to a worker of the same process: one round trip less before the code runs.
 *
 * Workers say here that they are there, by the transport that they share with clients; a client that wants an eager start takes a place
 * at one. Whatever goes wrong, the start is an ordinary one: the task goes through its queue, and nobody waits.
 */
import type { PollWorkflowTaskQueueResponse, WorkerDeploymentOptions, Init } from '../../protocol/index.js';
import type { Transport } from '../../transport/transport.js';

/** A worker that may be given tasks. */
export interface EagerWorker {
  readonly namespace: string;
  readonly taskQueue: string;
  readonly deploymentOptions: Init<WorkerDeploymentOptions> | undefined;
  /** Takes a place for one task; undefined if there is none. */
  tryReserve(): EagerPlace | undefined;
}

/** One of the two is called, once. */
export interface EagerPlace {
  start(task: PollWorkflowTaskQueueResponse): void;
  release(): void;
}

const workers = new WeakMap<Transport, Set<EagerWorker>>();

/** @returns what ends the offer. */
export function offerEagerStarts(transport: Transport, worker: EagerWorker): () => void {
  const offers = workers.get(transport) ?? new Set();
  workers.set(transport, offers.add(worker));
  return () => offers.delete(worker);
}

/** A place at a worker that serves the queue over this transport, with what the server is to know of it. */
export function reserveEagerStart(transport: Transport, namespace: string, taskQueue: string): (EagerPlace & Pick<EagerWorker, 'deploymentOptions'>) | undefined {
  for (const worker of workers.get(transport) ?? []) {
    const place = worker.namespace === namespace && worker.taskQueue === taskQueue ? worker.tryReserve() : undefined;
    if (place !== undefined) return { start: (task) => place.start(task), release: () => place.release(), deploymentOptions: worker.deploymentOptions };
  }
  return undefined;
}
