/** A span around each attempt of an activity, below the span of the workflow that scheduled it. */
import { trace, type Tracer } from '@opentelemetry/api';
import type { Context as ActivityContext, ActivityInboundCallsInterceptor, ActivityOutboundCallsInterceptor } from '../activity/index.js';
import { contextFromHeaders, instrument, type InterceptorOptions } from './instrument.js';
import { ACTIVITY_ID_ATTR_KEY, RUN_ID_ATTR_KEY, SpanName, spanName, WORKFLOW_ID_ATTR_KEY } from './span-names.js';
import { logAttributesOf } from './trace-context.js';

/** The span is active in the activity function, so what it calls (HTTP clients, databases) makes spans below it. */
export class OpenTelemetryActivityInboundInterceptor implements ActivityInboundCallsInterceptor {
  readonly #context: ActivityContext;
  readonly #tracer: Tracer;

  constructor(context: ActivityContext, options: InterceptorOptions = {}) {
    this.#context = context;
    this.#tracer = options.tracer ?? trace.getTracer('perdure/opentelemetry/activity');
  }

  readonly execute: NonNullable<ActivityInboundCallsInterceptor['execute']> = (input, next) => {
    const { activityType, activityId, workflowExecution } = this.#context.info;
    return instrument(
      this.#tracer,
      spanName(SpanName.ACTIVITY_EXECUTE, activityType),
      (span) => {
        span.setAttribute(ACTIVITY_ID_ATTR_KEY, activityId);
        if (workflowExecution !== undefined) span.setAttributes({ [WORKFLOW_ID_ATTR_KEY]: workflowExecution.workflowId, [RUN_ID_ATTR_KEY]: workflowExecution.runId });
        return next(input);
      },
      contextFromHeaders(input.headers),
    );
  };
}

/** Log lines of the activity carry `trace_id`, `span_id` and `trace_flags`. */
export class OpenTelemetryActivityOutboundInterceptor implements ActivityOutboundCallsInterceptor {
  readonly getLogAttributes: NonNullable<ActivityOutboundCallsInterceptor['getLogAttributes']> = (input, next) => {
    const span = trace.getActiveSpan()?.spanContext();
    return next(span === undefined ? input : { ...input, ...logAttributesOf(span) });
  };
}
