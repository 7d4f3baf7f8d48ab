/**
 * The limits that handlers keep to before anything reaches a machine, and the view of all limits that a namespace has.
 *
 * A new limit of a request is a row here; handlers find its value in `namespace.limits`.
 */
import { defaultsOf, type LimitTable, type LimitValues } from '../machines/limit-table.js';
import { DEFAULT_LIMITS, type WorkflowLimits } from '../machines/workflow/index.js';

const KIB = 1024;

export const REQUEST_LIMITS = {
  linksPerRequest: { key: 'frontend.maxlinksPerRequest', default: 10, unit: 'count', of: 'links of a request', beyond: 'INVALID_ARGUMENT' },
  linkSizeBytes: { key: 'frontend.linkMaxSize', default: 4000, unit: 'bytes', of: 'one link', beyond: 'INVALID_ARGUMENT' },
  summarySizeBytes: { key: 'limit.userMetadataSummarySize', default: 400, unit: 'bytes', of: 'the summary of a run or a command', beyond: 'INVALID_ARGUMENT' },
  detailsSizeBytes: { key: 'limit.userMetadataDetailsSize', default: 20_000, unit: 'bytes', of: 'the details of a run or a command', beyond: 'INVALID_ARGUMENT' },
  callbackUrlLengthBytes: { key: 'frontend.callbackURLMaxLength', default: 1000, unit: 'bytes', of: 'the URL of a completion callback', beyond: 'INVALID_ARGUMENT' },
  callbackHeaderSizeBytes: { key: 'frontend.callbackHeaderMaxLength', default: 8 * KIB, unit: 'bytes', of: 'the headers of a completion callback', beyond: 'INVALID_ARGUMENT' },
  customSearchAttributes: { key: 'system.maxCustomSearchAttributes', default: 200, unit: 'count', of: 'custom search attributes of a namespace', beyond: 'INVALID_ARGUMENT' },
  buildIdLengthBytes: { key: 'limit.workerBuildIdSize', default: 255, unit: 'bytes', of: 'the build id of a worker', beyond: 'INVALID_ARGUMENT' },
  historyPageBatches: { key: 'frontend.historyMaxPageSize', default: 1000, unit: 'count', least: 1, of: 'batches of events in a page of a history', beyond: 'the page is capped' },
  listPageSize: { key: 'frontend.visibilityMaxPageSize', default: 1000, unit: 'count', least: 1, of: 'entries in a page of a list', beyond: 'the page is capped' },
  bufferedQueries: { key: 'history.MaxBufferedQueryCount', default: 50, unit: 'count', of: 'queries of a run that wait for its next workflow task', beyond: 'RESOURCE_EXHAUSTED, cause BUSY_WORKFLOW' },
  longPolls: { key: 'frontend.namespaceCount', default: 20_000, unit: 'count', of: 'long polls of a namespace under way', beyond: 'RESOURCE_EXHAUSTED, cause CONCURRENT_LIMIT' },
  requestsPerSecond: { key: 'frontend.namespaceRPS', default: 0, unit: 'per second', of: 'requests of a namespace; 0: without limit', beyond: 'RESOURCE_EXHAUSTED, cause RPS_LIMIT' },
  historyLongPollMs: { key: 'history.longPollExpirationInterval', default: 20_000, unit: 'ms', of: 'a wait for new events, for an end or for an update', beyond: 'the wait answers that nothing came' },
  taskLongPollMs: { key: 'matching.longPollExpirationInterval', default: 60_000, unit: 'ms', of: 'the poll of a worker', beyond: 'the poll answers that nothing came' },
  noPollerWaitMs: { key: 'matching.queryPollerUnavailableWindow', default: 20_000, unit: 'ms', of: 'how long a query waits for a first worker', beyond: 'FAILED_PRECONDITION' },
  batchJobs: { key: 'frontend.MaxConcurrentBatchOperationPerNamespace', default: 10, unit: 'count', of: 'batch operations of a namespace that run', beyond: 'RESOURCE_EXHAUSTED, cause CONCURRENT_LIMIT' },
  batchExecutions: { key: 'frontend.MaxExecutionCountBatchOperationPerNamespace', default: 1000, unit: 'count', of: 'executions that a batch operation names one by one', beyond: 'INVALID_ARGUMENT' },
  batchOperationsPerSecond: { key: 'worker.batcherRPS', default: 1000, unit: 'per second', of: 'executions that one batch operation works on; 0: without limit', beyond: 'they wait' },
  batchConcurrency: { key: 'worker.batcherConcurrency', default: 100, unit: 'count', least: 1, most: 1000, of: 'executions that one batch operation works on at a time', beyond: 'they wait' },
  fairnessWeightOverrides: { key: 'matching.maxFairnessKeyWeightOverrides', default: 1000, unit: 'count', of: 'fairness weights set for a task queue', beyond: 'INVALID_ARGUMENT' },
  configuredTaskQueues: { key: 'matching.configuredTaskQueues', default: 10_000, unit: 'count', of: 'task queues of a namespace for which something is set', beyond: 'RESOURCE_EXHAUSTED' },
  deployments: { key: 'matching.maxDeployments', default: 100, unit: 'count', of: 'worker deployments of a namespace', beyond: 'RESOURCE_EXHAUSTED, cause WORKER_DEPLOYMENT_LIMITS' },
  versionsInDeployment: { key: 'matching.maxVersionsInDeployment', default: 100, unit: 'count', least: 1, of: 'versions of a worker deployment', beyond: 'a drained version without pollers is deleted; if there is none: RESOURCE_EXHAUSTED, cause WORKER_DEPLOYMENT_LIMITS' },
  queuesInDeploymentVersion: { key: 'matching.maxTaskQueuesInDeploymentVersion', default: 100, unit: 'count', least: 1, of: 'task queues that workers of one deployment version poll', beyond: 'RESOURCE_EXHAUSTED, cause WORKER_DEPLOYMENT_LIMITS' },
  drainageGraceMs: { key: 'matching.wv.VersionDrainageStatusVisibilityGracePeriod', default: 180_000, unit: 'ms', of: 'how long a deployment version without new tasks rests before its pinned runs are counted', beyond: 'they are counted: without any the version is drained' },
  drainageRefreshMs: { key: 'matching.wv.VersionDrainageStatusRefreshInterval', default: 180_000, unit: 'ms', least: 1, of: 'the time between two counts', beyond: 'they are counted again' },
  batchPageSize: { key: 'worker.batcherPageSize', default: 500, unit: 'count', least: 1, most: 1000, of: 'executions that a batch operation finds at a time', beyond: 'the next page has them' },
  minimumRetentionMs: { key: 'system.namespaceMinRetentionLocal', default: 3_600_000, unit: 'ms', of: 'the shortest retention of a namespace', beyond: 'below it: INVALID_ARGUMENT', perServer: true },
  namespaces: { key: 'frontend.maxNamespaces', default: 10_000, unit: 'count', of: 'namespaces', beyond: 'RESOURCE_EXHAUSTED, cause CONCURRENT_LIMIT', perServer: true },
  nexusRequestTimeoutMs: { key: 'component.nexusoperations.request.timeout', default: 10_000, unit: 'ms', least: 100, of: 'one request to the handler of a Nexus operation', beyond: 'it is made again, later and later' },
  nexusEndpoints: { key: 'system.maxNexusEndpoints', default: 1000, unit: 'count', of: 'Nexus endpoints', beyond: 'RESOURCE_EXHAUSTED', perServer: true },
  nexusEndpointNameLengthBytes: { key: 'limit.endpointNameLength', default: 200, unit: 'bytes', of: 'the name of a Nexus endpoint', beyond: 'INVALID_ARGUMENT', perServer: true },
  nexusEndpointUrlLengthBytes: { key: 'limit.endpointExternalURLLength', default: 4 * KIB, unit: 'bytes', of: 'the URL of a Nexus endpoint', beyond: 'INVALID_ARGUMENT', perServer: true },
  nexusDescriptionSizeBytes: { key: 'limit.endpointDescriptionSize', default: 20_000, unit: 'bytes', of: 'the description of a Nexus endpoint', beyond: 'INVALID_ARGUMENT', perServer: true },
  nexusRequests: { key: 'frontend.maxNexusRequests', default: 20_000, unit: 'count', of: 'requests to Nexus handlers under way', beyond: 'they wait', perServer: true },
  queries: { key: 'frontend.maxQueries', default: 20_000, unit: 'count', of: 'queries under way', beyond: 'RESOURCE_EXHAUSTED, cause CONCURRENT_LIMIT', perServer: true },
  totalRequestsPerSecond: { key: 'frontend.rps', default: 0, unit: 'per second', of: 'requests of all namespaces together; 0: without limit', beyond: 'RESOURCE_EXHAUSTED, cause RPS_LIMIT, scope SYSTEM', perServer: true },
} satisfies LimitTable;

export type RequestLimits = LimitValues<typeof REQUEST_LIMITS>;

/** Everything that bounds what happens in one namespace: what requests may hold, and what runs may grow to. */
export type NamespaceLimits = RequestLimits & WorkflowLimits;

export const DEFAULT_NAMESPACE_LIMITS: NamespaceLimits = { ...DEFAULT_LIMITS, ...defaultsOf(REQUEST_LIMITS) };
