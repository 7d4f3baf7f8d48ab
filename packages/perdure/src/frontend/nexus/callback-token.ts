/**
 * The token that goes with a request to start an operation, and comes back with its completion: which operation of which run.
 *
 * Opaque to handlers, who send it back as a header. It holds the request id of the operation, which nobody can guess: who has the token
 * may end the operation, in whatever namespace it is.
 */
import type { StartOperationMessage } from '../../machines/workflow/index.js';
import { DecodeError, NexusCallbackToken } from '../../protocol/index.js';

/** Handlers send completions here: this server itself, without a call over the network. */
export const SYSTEM_CALLBACK_URL = 'temporal://system';
/** As handlers get it, and as they send it back. */
export const CALLBACK_TOKEN_HEADER = 'temporal-callback-token';

export function callbackToken({ namespaceId, workflowId, runId, scheduledEventId, requestId }: StartOperationMessage): string {
  return Buffer.from(NexusCallbackToken.encode({ namespaceId, workflowId, runId, scheduledEventId, requestId })).toString('base64url');
}

/** `undefined` if it is none of ours. */
export function readCallbackToken(text: string | undefined): NexusCallbackToken | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    const token = NexusCallbackToken.decode(Buffer.from(text, 'base64url'));
    return token.namespaceId === '' || token.workflowId === '' || token.requestId === '' ? undefined : token;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
