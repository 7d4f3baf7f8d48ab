/** What a worker must know of its namespace before it polls: that it exists, and the limits there. */
import { Code, RpcError, WorkflowService } from '../../protocol/index.js';
import type { Transport } from '../../transport/transport.js';
import { NamespaceNotFoundError, type Logger } from '../common/index.js';
import { callWithRetry } from './retry.js';

/** What servers take where they do not say. */
const DEFAULT_BLOB_SIZE_LIMIT_BYTES = 2 * 2 ** 20;
/** A server that is just starting gets this long. */
const WAIT_FOR_SERVER_MS = 10_000;

export interface NamespaceFacts {
  /** The largest payloads that the server takes in one field, in bytes. */
  readonly blobSizeLimitBytes: number;
  /** Whether the server ends a worker's polls when told that the worker shuts down. */
  readonly endsPollsOnShutdown: boolean;
  /** Whether the server keeps a list of workers by their heartbeats. */
  readonly takesWorkerHeartbeats?: boolean;
}

/**
 * @param signal ends the asking. Default: it goes on for as long as a server may take to start.
 * @throws NamespaceNotFoundError, or the RpcError when the server cannot be asked.
 */
export async function describeNamespace(transport: Transport, namespace: string, logger: Logger, signal: AbortSignal = new AbortController().signal): Promise<NamespaceFacts> {
  try {
    const { namespaceInfo } = await callWithRetry(
      transport,
      WorkflowService.DescribeNamespace,
      { namespace },
      { timeoutMs: 10_000, giveUpAfterMs: WAIT_FOR_SERVER_MS, signal, logger },
    );
    return {
      blobSizeLimitBytes: namespaceInfo?.limits?.blobSizeLimitError || DEFAULT_BLOB_SIZE_LIMIT_BYTES,
      endsPollsOnShutdown: namespaceInfo?.capabilities?.workerPollCompleteOnShutdown ?? false,
      takesWorkerHeartbeats: namespaceInfo?.capabilities?.workerHeartbeats ?? false,
    };
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    if (error.code === Code.NOT_FOUND) throw new NamespaceNotFoundError(namespace);
    if (error.code !== Code.UNIMPLEMENTED) throw error;
    return { blobSizeLimitBytes: DEFAULT_BLOB_SIZE_LIMIT_BYTES, endsPollsOnShutdown: false };
  }
}
