import { activityInfo, getClient } from 'perdure/activity';
import type { Request } from './workflows.js';

/** Starts the keeper if there is none, and asks it for the lock. Asking twice (a retry) is asking once: the keeper goes by the ticket. */
export async function askKeeper(lock: string, asked: Request): Promise<void> {
  await getClient().workflow.signalWithStart('keeper', {
    workflowId: lock,
    taskQueue: activityInfo().taskQueue,
    signal: 'request',
    signalArgs: [asked],
  });
}
