/**
 * Interceptors around handlers of Nexus operations. See `WorkerInterceptors.nexus`.
 *
 * A factory is called for each task and may give the same object each time.
 */
import type { CancelOperationContext, HandlerStartOperationResult, OperationContext, StartOperationContext } from 'nexus-rpc';
import type { GetLogAttributesInput, GetMetricTagsInput } from '../activity/interceptors.js';
import type { MetricTags, Next } from '../common/index.js';

export type NexusInterceptorsFactory = (context: OperationContext) => NexusInterceptors;

export interface NexusInterceptors {
  readonly inbound?: NexusInboundCallsInterceptor;
  readonly outbound?: NexusOutboundCallsInterceptor;
}

/** Around what callers want of a handler. */
export interface NexusInboundCallsInterceptor {
  startOperation?(input: NexusStartOperationInput, next: Next<NexusInboundCallsInterceptor, 'startOperation'>): Promise<NexusStartOperationOutput>;
  cancelOperation?(input: NexusCancelOperationInput, next: Next<NexusInboundCallsInterceptor, 'cancelOperation'>): Promise<void>;
}

export interface NexusStartOperationInput {
  readonly ctx: StartOperationContext;
  readonly input: unknown;
}

export interface NexusStartOperationOutput {
  readonly result: HandlerStartOperationResult<unknown>;
}

export interface NexusCancelOperationInput {
  readonly ctx: CancelOperationContext;
  readonly token: string;
}

/** Around what a handler uses of the SDK. */
export interface NexusOutboundCallsInterceptor {
  /** What each line of `log` carries; called for each line. */
  getLogAttributes?(input: GetLogAttributesInput, next: Next<NexusOutboundCallsInterceptor, 'getLogAttributes'>): Record<string, unknown>;
  /** What each value of `metricMeter` carries; called for each value. */
  getMetricTags?(input: GetMetricTagsInput, next: Next<NexusOutboundCallsInterceptor, 'getMetricTags'>): MetricTags;
}
