/** Options of starting a workflow execution from a client, and the request they become. */
import {
  Priority as WirePriority,
  UserMetadata,
  VersioningOverride_PinnedOverrideBehavior,
  type VersioningOverride as WireOverride,
  type Encoded,
  type Init,
  type Memo,
  type SearchAttributes as WireSearchAttributes,
  type StartWorkflowExecutionRequest,
} from '../../protocol/index.js';
import { extrasOf } from './call-extras.js';
import type { Connection } from './connection.js';
import {
  compilePriority,
  compileRetryPolicy,
  encodeMapToBytes,
  encodePayloadsWithCodecs,
  encodeSearchAttributes,
  encodeArgumentsToBytes,
  msOptionalToNumber,
  payloadMapToBytes,
  workflowIdConflictPolicies,
  workflowIdReusePolicies,
  type CommonWorkflowOptions,
  type Duration,
  type LoadedDataConverter,
  type PayloadTypeInfo,
  type SignalDefinition,
  type SignalTypeInfo,
  type VersioningOverride,
  ValueError,
  type WithWorkflowArgs,
  type Workflow,
} from '../common/index.js';
import { inWorkflow } from '../common/serialization-context.js';

export interface WorkflowOptions extends CommonWorkflowOptions {
  /** Unique among the running executions of the namespace; best a name from the business, such as `order-4711`. */
  workflowId: string;
  /** The queue that its workers poll. */
  taskQueue: string;
  /** Whether `result()` waits for runs that follow this one: continue-as-new, retries, cron. Default true. */
  followRuns?: boolean;
  /** Time until the first workflow task. Not with `cronSchedule`. */
  startDelay?: Duration;
  /**
   * Asks for the first workflow task with the answer, for a worker of this process that shares the connection and has a free place. Default: false.
   * The handle's `eagerlyStarted` says whether it came.
   */
  requestEagerStart?: boolean;
  /** Binds the execution to a version of a worker deployment (`{ pinnedTo }`), or lets it move on with them (`'AUTO_UPGRADE'`), whatever its workflow says. */
  versioningOverride?: VersioningOverride;
  /** How arguments and result travel, of a workflow that is started by name. A function says it itself: see `defineWorkflowOptions`. */
  typeInfo?: PayloadTypeInfo;
}

/** Options of a start; `args` are the workflow function's parameters. */
export type WorkflowStartOptions<T extends Workflow = Workflow> = WithWorkflowArgs<T, WorkflowOptions>;

interface WithSignal<SignalArgs extends unknown[]> {
  /** Sent to the execution, whether it was running or is started by this call. */
  signal: SignalDefinition<SignalArgs> | string;
  /** How the signal's arguments travel, if it is given by name. A definition says it itself. */
  signalTypeInfo?: SignalTypeInfo;
}

export type WorkflowSignalWithStartOptions<SignalArgs extends unknown[] = []> = WorkflowOptions &
  WithSignal<SignalArgs> &
  (SignalArgs extends [unknown, ...unknown[]] ? { signalArgs: SignalArgs | Readonly<SignalArgs> } : { signalArgs?: SignalArgs | Readonly<SignalArgs> });

/** The fields that a start and a signal-with-start have in common. */
export type StartRequest = Pick<
  Init<StartWorkflowExecutionRequest>,
  | 'namespace' | 'workflowId' | 'workflowType' | 'taskQueue' | 'input' | 'workflowExecutionTimeout' | 'workflowRunTimeout'
  | 'workflowTaskTimeout' | 'identity' | 'requestId' | 'workflowIdReusePolicy' | 'workflowIdConflictPolicy' | 'retryPolicy'
  | 'cronSchedule' | 'memo' | 'searchAttributes' | 'workflowStartDelay' | 'userMetadata' | 'priority' | 'links' | 'versioningOverride'
>;

export interface StartContext {
  readonly connection: Pick<Connection, 'newId'>;
  readonly namespace: string;
  readonly identity: string;
  readonly dataConverter: LoadedDataConverter;
}

/**
 * The request, complete with its request id: sent any number of times it starts one execution.
 *
 * @throws ValueError or RangeError for an option that is out of range, PayloadConverterError for a value that cannot be sent.
 */
export async function startRequest(
  workflowType: string,
  options: WorkflowOptions & { args?: readonly unknown[] },
  { connection, namespace, identity, dataConverter: given }: StartContext,
): Promise<StartRequest> {
  requireText('workflowId', options.workflowId);
  requireText('taskQueue', options.taskQueue);
  const dataConverter = inWorkflow(given, namespace, options.workflowId);
  const searchAttributes = encodeSearchAttributes(options.searchAttributes, options.typedSearchAttributes);
  const extras = extrasOf(options);
  return {
    namespace,
    identity,
    requestId: extras?.requestId ?? connection.newId(),
    ...(extras?.links && { links: extras.links }),
    workflowId: options.workflowId,
    workflowType: { name: workflowType },
    taskQueue: { name: options.taskQueue, kind: 1 },
    input: await encodeArgumentsToBytes(dataConverter, options.args ?? [], options.typeInfo?.inputTypes),
    workflowExecutionTimeout: msOptionalToNumber(options.workflowExecutionTimeout),
    workflowRunTimeout: msOptionalToNumber(options.workflowRunTimeout),
    workflowTaskTimeout: msOptionalToNumber(options.workflowTaskTimeout),
    workflowIdReusePolicy: workflowIdReusePolicies.encode(options.workflowIdReusePolicy),
    workflowIdConflictPolicy: workflowIdConflictPolicies.encode(options.workflowIdConflictPolicy),
    retryPolicy: options.retry && compileRetryPolicy(options.retry),
    cronSchedule: options.cronSchedule,
    workflowStartDelay: msOptionalToNumber(options.startDelay),
    memo: options.memo && (await encodeMapToBytes<Memo>(dataConverter, options.memo)),
    searchAttributes: searchAttributes && payloadMapToBytes<WireSearchAttributes>(searchAttributes),
    userMetadata: await userMetadata(options, dataConverter),
    priority: options.priority && WirePriority.encode(compilePriority(options.priority)),
    versioningOverride: options.versioningOverride && compileOverride(options.versioningOverride),
  };
}

function compileOverride(override: VersioningOverride): Init<WireOverride> {
  if (override === 'AUTO_UPGRADE') return { autoUpgrade: true };
  const { pinnedTo } = override;
  if (!pinnedTo?.deploymentName || !pinnedTo.buildId) throw new ValueError("versioningOverride must be 'AUTO_UPGRADE' or { pinnedTo: { deploymentName, buildId } }");
  return { pinned: { behavior: VersioningOverride_PinnedOverrideBehavior.PINNED, version: { ...pinnedTo } } };
}

async function userMetadata(options: WorkflowOptions, converter: LoadedDataConverter): Promise<Encoded<UserMetadata> | undefined> {
  const { staticSummary, staticDetails } = options;
  if (staticSummary === undefined && staticDetails === undefined) return undefined;
  const payload = async (text: string | undefined) => {
    if (text === undefined) return undefined;
    const [encoded] = await encodePayloadsWithCodecs(converter.payloadCodecs, [converter.payloadConverter.toPayload(text)]);
    return encoded;
  };
  return UserMetadata.encode({ summary: await payload(staticSummary), details: await payload(staticDetails) });
}

function requireText(option: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') throw new TypeError(`\`${option}\` must be a text that is not empty.`);
}
