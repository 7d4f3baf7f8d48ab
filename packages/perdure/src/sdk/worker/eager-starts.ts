/** Lets clients of this process, on the same connection, bring the first workflow task of what they start, while there are places for it. */
import { offerEagerStarts } from '../client/eager-start.js';
import type { ConnectionLike } from '../client/index.js';
import type { SlotSource } from './slots/slots.js';
import type { CompiledWorkerOptions } from './worker-options.js';
import type { WorkflowRunner } from './workflow-runner.js';

interface Offering {
  readonly connection: ConnectionLike;
  readonly options: CompiledWorkerOptions;
}

/** Slots that are closed give no more places, so a worker that shuts down takes nothing new. @returns what ends the offer. */
export function offerPlaces({ connection, options: { namespace, taskQueue, code } }: Offering, slots: SlotSource, workflows: Pick<WorkflowRunner, 'start'>): () => void {
  return offerEagerStarts(connection.transport, {
    namespace,
    taskQueue,
    deploymentOptions: code.options,
    tryReserve() {
      const slot = slots.tryTake();
      return slot && { start: (task) => workflows.start(task, slot), release: () => slot.release() };
    },
  });
}
