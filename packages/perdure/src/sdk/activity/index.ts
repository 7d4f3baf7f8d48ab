/** `perdure/activity`: what activity code imports. */
export { ActivityCancellation, ActivityCancellationDetails, type CancellationReason } from './cancellation.js';
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
} from './interceptors.js';
export { ApplicationFailure, CancelledFailure, CompleteAsyncError } from '../common/index.js';
export { processes, threads, type CarrierOptions, type Offloaded } from './carriers/offload.js';
