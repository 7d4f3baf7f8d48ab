/** Tells a run that its Nexus operation has ended: by a completion callback of this server's own runs, or of somebody outside. */
import type { Host } from '../../host/host.js';
import { WORKFLOW_KIND, type CompleteNexusOperationInput, type DoneReply, type MovedReply } from '../../machines/workflow/index.js';
import type { NexusCallbackToken } from '../../protocol/index.js';
import { notFound } from '../refusals.js';

export type OperationCompletion = Pick<CompleteNexusOperationInput, 'operationToken' | 'links' | 'outcome'>;

/** Each reset of the caller moves its operations to another run. */
const MOST_MOVES = 1000;

/** @throws RpcError NOT_FOUND nobody waits for the operation */
export async function completeNexusOperation(host: Pick<Host, 'send'>, token: NexusCallbackToken, completion: OperationCompletion): Promise<void> {
  const { namespaceId, workflowId, scheduledEventId, requestId } = token;
  const input: CompleteNexusOperationInput = { type: 'complete-nexus-operation', scheduledEventId, requestId, ...completion };
  let runId = token.runId;
  for (let moves = 0; moves < MOST_MOVES; moves++) {
    const reply = await host.send<DoneReply | MovedReply>({ kind: WORKFLOW_KIND, namespace: namespaceId, key: workflowId, machine: runId }, input);
    if (reply.kind === 'done') return;
    runId = reply.runId;
  }
  throw notFound('the run that waits for the operation was reset too often');
}
