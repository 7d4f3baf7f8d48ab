/** Reads the histories of the runs that a scenario left, of their successors and of their children, which may have ended before a worker saw them. */
import { Code, History, RpcError, WorkflowService, type HistoryEvent } from '#perdure/protocol/index';
import type { Transport } from '#perdure/transport/transport';
import { offspring } from './history-rows.js';
import type { Run, Sightings } from './recorder.js';

export interface RecordedRun extends Run {
  readonly events: readonly HistoryEvent[];
  /** The history as it came, for replayers. */
  readonly encoded: Uint8Array;
}

/** The runs in the order in which they were made. One that is gone is left out. */
export async function historiesOf(transport: Transport, namespace: string, sightings: Sightings): Promise<RecordedRun[]> {
  const found: RecordedRun[] = [];
  const known = new Set(sightings.runs.map((run) => run.runId));
  const queue = [...sightings.runs];
  for (let run = queue.shift(); run !== undefined; run = queue.shift()) {
    const encoded = await encodedHistory(transport, namespace, run.workflowId, run.runId).catch(unlessGone);
    if (encoded === undefined) continue;
    const { events } = History.decode(encoded);
    found.push({ ...run, events, encoded });
    for (const next of offspring(run.workflowId, events)) {
      if (known.has(next.runId)) continue;
      known.add(next.runId);
      queue.push(next);
    }
  }
  return found;
}

function unlessGone(error: unknown): undefined {
  if (error instanceof RpcError && error.code === Code.NOT_FOUND) return undefined;
  throw error;
}

export async function historyOf(transport: Transport, namespace: string, workflowId: string, runId?: string): Promise<HistoryEvent[]> {
  return History.decode(await encodedHistory(transport, namespace, workflowId, runId)).events;
}

/** The history as it came, for replayers. */
export async function encodedHistory(transport: Transport, namespace: string, workflowId: string, runId = ''): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let nextPageToken: Uint8Array | undefined;
  do {
    const page = await transport.call(WorkflowService.GetWorkflowExecutionHistory, { namespace, execution: { workflowId, runId }, ...(nextPageToken && { nextPageToken }) });
    if (page.history !== undefined) parts.push(page.history);
    nextPageToken = page.nextPageToken.byteLength > 0 ? page.nextPageToken : undefined;
  } while (nextPageToken !== undefined);
  return Buffer.concat(parts); // a repeated field: the pages concatenate
}
