/** Activities without a workflow, as what stands behind an operation. */
import type { StartOperationContext } from 'nexus-rpc';
import { CALL_EXTRAS, type CallExtras } from '../client/call-extras.js';
import type { ActivityName, ActivityOptions as ClientActivityOptions, ActivityOptionsFor as ClientActivityOptionsFor, ActivityResult } from '../client/index.js';
import { handlerContext } from './context.js';
import { TemporalOperationResult } from './operation-result.js';
import { encodeOperationToken } from './operation-token.js';
import { answerLink, ATTACH_TO_EXISTING, backingExtras } from './workflow-handle.js';

/** As of a client, but the task queue may be left out: it is then the worker's. */
export type ActivityOptions = Omit<ClientActivityOptions, 'taskQueue'> & { taskQueue?: string };

/** As of a client, but the task queue may be left out: it is then the worker's. */
export type ActivityOptionsFor<T, N extends ActivityName<T>> = Omit<ClientActivityOptionsFor<T, N>, 'taskQueue'> & { taskQueue?: string };

/** Starts activities by the types of an interface. */
export interface NexusTypedActivityClient<T> {
  startActivity<N extends ActivityName<T>>(activity: N, options: ActivityOptionsFor<T, N>): Promise<TemporalOperationResult<ActivityResult<T, N>>>;
}

/** Starts the activity that backs the running operation. */
export async function startActivity<R>(context: StartOperationContext, activity: string, options: ActivityOptions): Promise<TemporalOperationResult<R>> {
  const { client, namespace, taskQueue } = handlerContext();
  const { id: activityId } = options;
  // The run id is not known before the start: the token of the callback has none.
  const token = encodeOperationToken({ kind: 'activity', namespace, activityId, runId: '' });
  const extras: CallExtras = { ...backingExtras(context, token), onConflictOptions: ATTACH_TO_EXISTING };
  const complete = { ...options, taskQueue: options.taskQueue ?? taskQueue, [CALL_EXTRAS]: extras };
  const { runId = '' } = await client.activity.start(activity, complete);
  answerLink(context, extras.responseLink);
  return TemporalOperationResult.async<R>(encodeOperationToken({ kind: 'activity', namespace, activityId, runId }));
}
