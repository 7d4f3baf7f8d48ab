/** `perdure/testing`: the production engine inside a test, with a clock of its own. */
export { TestEnvironment, TestEnvironment as TestWorkflowEnvironment, type RunOptions, type TestEnvironmentOptions, type TestWorkerOptions } from './environment.js';
// Their names in Temporal's SDK: one set of options serves all kinds of environment.
export type {
  TestEnvironmentOptions as ExistingServerTestWorkflowEnvironmentOptions,
  TestEnvironmentOptions as LocalTestWorkflowEnvironmentOptions,
  TestEnvironmentOptions as TimeSkippingTestWorkflowEnvironmentOptions,
} from './environment.js';
export type { NexusEndpointIdentifier } from './nexus-endpoints.js';
export { RunningWorker } from './running-worker.js';
export { Mocks, type MocksOptions } from './mocks.js';
export { ActivityMock, type ActivityCall } from './activity-mock.js';
export { ChildWorkflowMock, type ChildWorkflowCall } from './child-workflow-mock.js';
export type { AnswerOptions, FaultOptions } from './mock-answers.js';
export { ActivityEnvironment, ActivityEnvironment as MockActivityEnvironment, type ActivityEnvironmentOptions, type ActivityEnvironmentOptions as MockActivityEnvironmentOptions } from './activity-environment.js';
export { describeReplay, Replayer, type ReplayerOptions, type ReplayOptions, type ReplayReport } from './replayer.js';
export { historiesFromServer, historyFromJson, historyToJson, readHistoryFile, type NamedHistory } from './histories.js';
export { HistoryFormatError } from './history-json/encode.js';
export { historySnapshot, printHistory } from './history-text.js';
export { assertWorkflow, workflowMatchers, type Execution, type MatcherResult, type WorkflowMatchers } from './matchers.js';
export { simulate, SimulationError } from '../simulation/index.js';
export type {
  Delivery,
  Fault,
  FaultKind,
  MessageOutcome,
  SimulatedEnd,
  SimulatedMessage,
  SimulatedSeed,
  SimulatedTaskQueue,
  SimulatedView,
  SimulationOptions,
  SimulationReport,
} from '../simulation/index.js';
