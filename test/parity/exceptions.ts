/**
 * What Temporal's TypeScript SDK exports and ours does not, each with the reason. What its own documentation retires (`@deprecated`,
 * `@internal`, `@hidden`) needs no row.
 */

export interface Exception {
  /** Their modules that it is missing from. */
  readonly modules: readonly string[];
  /** `name`, `name.member`, `name()` for fewer arguments; `*` stands for any text. */
  readonly names: readonly string[];
  readonly because: string;
  /** What to use instead. */
  readonly instead?: string;
  /** Being built: the row may outlive the gap for a while. */
  readonly isInWork?: true;
}

const CLIENT = '@temporalio/client';
const COMMON = '@temporalio/common';
const ENVCONFIG = '@temporalio/envconfig';
const OPENTELEMETRY = '@temporalio/interceptors-opentelemetry';
const TESTING = '@temporalio/testing';
const WORKER = '@temporalio/worker';
const WORKFLOW = '@temporalio/workflow';

export const EXCEPTIONS: readonly Exception[] = [
  {
    modules: [CLIENT],
    names: ['*Nexus*', 'ClientInterceptors.nexus', 'Client.nexus'],
    because: 'Nexus operations without a workflow are experimental there, and servers have them turned off.',
    instead: 'A workflow that calls the operation.',
  },
  {
    modules: [WORKFLOW],
    names: ['*.eventGroups', 'EventGroupMarker', 'createEventGroup', 'ContinueAsNew.eventGroupMarkers'],
    because: 'Groups of events are experimental there; the server here does not keep them, and no console shows them.',
    instead: '`summary` of activities, timers and children; `setCurrentDetails`.',
  },
  {
    modules: [CLIENT, COMMON, WORKFLOW],
    names: ['Payload.externalPayloads', 'encode*', 'decode*', 'reachabilityResponseFromProto', 'ProtoFailure.failureInfo', 'rawPayloadTypeBrand', 'Timestamp'],
    because: 'Between the constants of the SDK and the classes of `@temporalio/proto`, which do not exist here.',
  },
  {
    modules: [CLIENT],
    names: ['WorkflowService', 'OperatorService', 'TestService', 'HealthService'],
    because: 'Classes of `protobufjs`.',
    instead: '`connection.workflowService`, `operatorService`, `testService` and `healthService`, whose methods take and give plain messages.',
  },
  {
    modules: [CLIENT, WORKER],
    names: [
      '*.callContextStorage', 'CallContext', 'ConnectionOptions.credentials', 'ConnectionOptions.callCredentials', 'ConnectionOptions.channelArgs',
      'ConnectionOptions.interceptors', 'ConnectionOptionsWithDefaults', 'Connection.options', 'ConnectionLike.*', 'InternalConnectionLike*', 'GrpcRetryOptions', 'BackoffOptions',
      'defaultGrpcRetryOptions', 'makeGrpcRetryInterceptor', 'DNSLoadBalancingConfig', 'GrpcCompressionConfig', 'NativeConnectionOptions.d*', 'NativeConnectionOptions.grpcCompression',
    ],
    because: 'Of `@grpc/grpc-js` and of the native client. The transport here is its own, retries by itself, and needs none of it.',
    instead: '`tls`, `apiKey`, `metadata`, `proxy`, `keepAlive`; `withDeadline` and `withAbortSignal` limit the retries; a `ConnectionLike` is any transport.',
  },
  {
    modules: [CLIENT, COMMON, WORKER, WORKFLOW],
    names: [
      'Loaded*', 'Compiled*', 'WithCompiledWorkflowOptions', 'compileWorkflowOptions', 'addDefaultWorkflowOptions', '*AnnotatedType', 'WorkflowSignalWithStartOptionsWith*', 'UnversionedBuildIdType',
      'Client.taskQueue', 'LocalActivityDoBackoff', 'LocalActivityInput.originalScheduleTime', 'MetricTagsOrFunc', 'SdkComponent', 'ActivityCancellationDetails.static fromProto',
      'LoadedDataConverter.externalStorage', 'defaultDataConverter.externalStorage', 'DefaultFailureConverter.*',
      'TypedSearchAttributes.static *',
    ],
    because: 'How that SDK is made inside, or retired: not for programs.',
  },
  {
    modules: [WORKER],
    names: [
      'Runtime.*', 'ConsoleLogger', 'ForwardLogger', 'LogExporterConfig', 'LogTimestamp', 'ResourceBasedTuner.*', 'ResourceBasedTunerWithController',
      'Worker.num*', 'WorkerStatus.numHeartbeatingActivities',
    ],
    because: 'About the native part, of which there is none.',
    instead: '`Runtime.install({ logger, telemetryOptions })`, `worker.getStatus()`.',
  },
  {
    modules: [WORKER],
    names: ['WorkflowBundleWithSourceMap', 'BundleOptions.webpackConfigHook', 'BundleOptions.preloadModules', '*.showStackTraceSources', 'startDebugReplayer', 'ReplayWorkerOptions.replayName'],
    because: 'About webpack and the threads of that SDK. Workflow files are loaded as they are.',
    instead: '`bundlerOptions.sharedPackages` loads packages once; a debugger attaches to the worker, or to `perdure replay`.',
  },
  {
    modules: [TESTING],
    names: [
      'DevServerConfig', 'TimeSkippingServerConfig', 'EphemeralServerExecutable', 'ExistingServerConnectionOptions', 'ClientOptionsForTestEnv', 'TimeSkippingWorkflowClient',
      'TestWorkflowEnvironment.options', 'TestWorkflowEnvironment.address', 'TestWorkflowEnvironment.connectionOptions', 'MockActivityEnvironment.static EventEmitter', 'workflowInterceptorModules',
      'ExistingServerTestWorkflowEnvironmentOptions.connectionOptions', 'MockActivityEnvironmentOptions.metricMeter',
    ],
    because: 'About a server that is downloaded and started. Here the engine is inside of the test.',
    instead: '`TestEnvironment.create`, `env.client`, `env.connection`.',
  },
  {
    modules: [ENVCONFIG],
    names: ['ClientConfigFromTomlOptions', 'fromTomlConfig', 'fromTomlProfile', 'toTomlConfig', 'toTomlProfile', 'loadConfigData'],
    because: 'Steps of the reading, not for programs.',
    instead: '`loadClientConfigFromToml`, `clientConfigToToml`.',
  },
  {
    modules: [OPENTELEMETRY],
    names: [
      'SerializableSpan*', 'OpenTelemetryWorkflowExporter', 'SPAN_DELIMITER', 'OpenTelemetryInboundInterceptor', 'OpenTelemetryOutboundInterceptor', 'OpenTelemetryInternalsInterceptor',
      'OpenTelemetryActivityOutboundInterceptor.getMetricTags', 'OpenTelemetryWorkflowClientInterceptor.start', 'OpenTelemetryWorkflowClientCallsInterceptor',
    ],
    because: 'Nothing of OpenTelemetry runs inside of workflow code.',
    instead: '`OpenTelemetryPlugin`, or the module `perdure/opentelemetry/workflow-interceptors` in `workflowModules`.',
  },
];
