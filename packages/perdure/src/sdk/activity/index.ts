/** `perdure/activity`: what activity code imports. */
export { ActivityCancellation, ActivityCancellationDetails, type ActivityCancellationDetailsOptions, type CancellationReason } from './cancellation.js';
export {
  Context,
  activityInfo,
  asyncLocalStorage,
  cancellationDetails,
  cancellationSignal,
  cancelled,
  getClient,
  heartbeat,
  log,
  metricMeter,
  sleep,
  type ContextParts,
} from './context.js';
export type { Info } from './info.js';
export type {
  ActivityExecuteInput,
  ActivityInboundCallsInterceptor,
  ActivityInterceptors,
  ActivityInterceptorsFactory,
  ActivityOutboundCallsInterceptor,
  GetLogAttributesInput,
  GetMetricTagsInput,
} from './interceptors.js';
export {
  ApplicationFailure,
  CancelledFailure,
  CompleteAsyncError,
  defineActivity,
  setActivityOptions,
  type ActivityDefinitionOptions,
  type ActivityTypeInfoMap,
  type ActivityFunction,
  type ActivityInterface,
  type UntypedActivities,
} from '../common/index.js';
export { processes, threads, type CarrierOptions, type Offloaded } from './carriers/offload.js';
