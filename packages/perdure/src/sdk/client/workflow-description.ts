/** What the server tells about executions, in the types that users read. */
import {
  Priority as WirePriority,
  UserMetadata,
  WorkflowExecutionStatus,
  type DescribeWorkflowExecutionResponse,
  type WorkflowExecutionInfo as WireInfo,
} from '../../protocol/index.js';
import {
  decodeFromPayloadsAtIndex,
  decodeMapFromBytes,
  decodePriority,
  decodeSearchAttributes,
  decodeTypedSearchAttributes,
  payloadMapFromBytes,
  type LoadedDataConverter,
  type Priority,
  type SearchAttributes,
  type TypedSearchAttributes,
  type WorkflowExecution,
} from '../common/index.js';

export type WorkflowExecutionStatusName =
  | 'UNSPECIFIED'
  | 'RUNNING'
  | 'COMPLETED'
  | 'FAILED'
  | 'CANCELLED'
  | 'TERMINATED'
  | 'CONTINUED_AS_NEW'
  | 'TIMED_OUT'
  | 'PAUSED'
  | 'UNKNOWN';

/** An execution as lists show it. `Raw` is the protocol message it was read from. */
export interface WorkflowExecutionInfo<Raw = WireInfo> {
  /** The workflow type. */
  readonly type: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly taskQueue: string;
  readonly status: { readonly code: WorkflowExecutionStatus; readonly name: WorkflowExecutionStatusName };
  /** Number of events. */
  readonly historyLength: number;
  /** In bytes. */
  readonly historySize: number;
  readonly startTime: Date;
  /** When the first workflow task was due: later than `startTime` with a start delay or cron. */
  readonly executionTime?: Date;
  readonly closeTime?: Date;
  readonly memo?: Record<string, unknown>;
  readonly searchAttributes: SearchAttributes;
  readonly typedSearchAttributes: TypedSearchAttributes;
  readonly parentExecution?: Required<WorkflowExecution>;
  readonly rootExecution?: Required<WorkflowExecution>;
  readonly priority?: Priority;
  readonly raw: Raw;
}

/** An execution with everything the server tells; pending activities and children are in `raw`. */
export interface WorkflowExecutionDescription extends WorkflowExecutionInfo<DescribeWorkflowExecutionResponse> {
  /** The summary given at the start. */
  staticSummary(): Promise<string | undefined>;
  /** The details given at the start. */
  staticDetails(): Promise<string | undefined>;
}

const STATUS_NAMES: Readonly<Record<WorkflowExecutionStatus, WorkflowExecutionStatusName>> = {
  [WorkflowExecutionStatus.UNSPECIFIED]: 'UNSPECIFIED',
  [WorkflowExecutionStatus.RUNNING]: 'RUNNING',
  [WorkflowExecutionStatus.COMPLETED]: 'COMPLETED',
  [WorkflowExecutionStatus.FAILED]: 'FAILED',
  [WorkflowExecutionStatus.CANCELED]: 'CANCELLED',
  [WorkflowExecutionStatus.TERMINATED]: 'TERMINATED',
  [WorkflowExecutionStatus.CONTINUED_AS_NEW]: 'CONTINUED_AS_NEW',
  [WorkflowExecutionStatus.TIMED_OUT]: 'TIMED_OUT',
  [WorkflowExecutionStatus.PAUSED]: 'PAUSED',
};

export async function executionInfoFromRaw<Raw>(
  info: WireInfo,
  converter: LoadedDataConverter,
  raw: Raw,
): Promise<WorkflowExecutionInfo<Raw>> {
  const searchAttributes = info.searchAttributes && payloadMapFromBytes(info.searchAttributes);
  return {
    type: info.type?.name ?? '',
    workflowId: info.execution?.workflowId ?? '',
    runId: info.execution?.runId ?? '',
    taskQueue: info.taskQueue,
    // A status of a later protocol has no name here.
    status: { code: info.status, name: STATUS_NAMES[info.status] ?? 'UNKNOWN' },
    historyLength: info.historyLength,
    historySize: info.historySizeBytes,
    startTime: new Date(info.startTime ?? 0),
    ...(info.executionTime === undefined ? {} : { executionTime: new Date(info.executionTime) }),
    ...(info.closeTime === undefined ? {} : { closeTime: new Date(info.closeTime) }),
    ...(info.memo === undefined ? {} : { memo: await decodeMapFromBytes(converter, info.memo) }),
    searchAttributes: decodeSearchAttributes(searchAttributes),
    typedSearchAttributes: decodeTypedSearchAttributes(searchAttributes),
    ...(info.parentExecution === undefined ? {} : { parentExecution: info.parentExecution }),
    ...(info.rootExecution === undefined ? {} : { rootExecution: info.rootExecution }),
    ...(info.priority === undefined ? {} : { priority: decodePriority(WirePriority.decode(info.priority)) }),
    raw,
  };
}

export async function descriptionFromRaw(
  response: DescribeWorkflowExecutionResponse,
  converter: LoadedDataConverter,
): Promise<WorkflowExecutionDescription> {
  const info = response.workflowExecutionInfo;
  if (info === undefined) throw new Error('The server described an execution without its workflow_execution_info.');
  const bytes = response.executionConfig?.userMetadata;
  const text = async (part: 'summary' | 'details'): Promise<string | undefined> => {
    const payload = bytes && UserMetadata.decode(bytes)[part];
    return payload && decodeFromPayloadsAtIndex<string>(converter, 0, [payload]);
  };
  return {
    ...(await executionInfoFromRaw(info, converter, response)),
    staticSummary: () => text('summary'),
    staticDetails: () => text('details'),
  };
}
