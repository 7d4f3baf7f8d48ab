/** Interceptors around activity functions: for tracing, checks, attributes of log lines. The worker makes them for each attempt. */
import type { Headers, MetricTags, Next } from '../common/index.js';
import type { Context } from './context.js';

/** Makes the interceptors of one attempt. @example const timed: ActivityInterceptorsFactory = (context) => ({ inbound: new Timing(context) }); */
export type ActivityInterceptorsFactory = (context: Context) => ActivityInterceptors;

export interface ActivityInterceptors {
  readonly inbound?: ActivityInboundCallsInterceptor;
  readonly outbound?: ActivityOutboundCallsInterceptor;
}

export interface ActivityInboundCallsInterceptor {
  /** Around the activity function. What it throws or returns is the outcome of the attempt. */
  execute?(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown>;
}

export interface ActivityExecuteInput {
  readonly args: unknown[];
  readonly headers: Headers;
}

export interface ActivityOutboundCallsInterceptor {
  /** What each line of the context's `log` carries; called for each line. */
  getLogAttributes?(input: GetLogAttributesInput, next: Next<ActivityOutboundCallsInterceptor, 'getLogAttributes'>): Record<string, unknown>;
  /** What each value of the context's `metricMeter` carries; called for each value. */
  getMetricTags?(input: GetMetricTagsInput, next: Next<ActivityOutboundCallsInterceptor, 'getMetricTags'>): GetMetricTagsInput;
}

export type GetLogAttributesInput = Record<string, unknown>;

export type GetMetricTagsInput = MetricTags;
